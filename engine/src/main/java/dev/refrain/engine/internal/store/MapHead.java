package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import net.openhft.chronicle.hash.impl.SizePrefixedBlob;
import net.openhft.chronicle.map.VanillaChronicleMap;

/**
 * The beginning of a map's file, before the segment headers: Chronicle Map's header, which has the file's layout, and
 * its global state. Chronicle Map validates neither, and computes addresses in memory from them. None of these bytes
 * changes during the life of a store, except the mark of an unfinished file and a lock. So the {@link LockFile} keeps a
 * digest of them, which is compared before Chronicle Map opens the file.
 */
final class MapHead {
    /** Stands for a check that is not known; no head has it. */
    static final long UNKNOWN = 0;

    /** Limit of the header, in bytes. Chronicle Map never writes a longer one. */
    private static final int MAX_HEADER_LENGTH = 16 << 10;

    private static final int HEADER_AT = SizePrefixedBlob.SELF_BOOTSTRAPPING_HEADER_OFFSET;
    private static final int CACHE_LINE = 64;
    private static final int PAGE = 4096;
    private static final int GLOBAL_STATE = 1024;
    private static final String CHRONICLE = "!" + VanillaChronicleMap.class.getName();
    /** Names of our classes. Only our maps have them in their headers. */
    private static final String[] OURS = {KeyAccess.class.getName(), EntryMarshaller.class.getName()};

    private MapHead() {}

    /**
     * Whether a file is the map of some store, perhaps damaged: it begins like Chronicle Map's files and
     * names our classes.
     */
    static boolean isOurs(Path file) throws IOException {
        String text = begin(file);
        return text.startsWith(CHRONICLE, HEADER_AT) && Arrays.stream(OURS).allMatch(text::contains);
    }

    /**
     * Whether a file whose head may be damaged was a map of ours: it has at least two of the three marks that
     * {@link #isOurs} looks for. Other files are never cut or deleted.
     */
    static boolean wasOurs(Path file) throws IOException {
        String text = begin(file);
        long names = Arrays.stream(OURS).filter(text::contains).count();
        return names + (text.startsWith(CHRONICLE, HEADER_AT) ? 1 : 0) > 1;
    }

    private static String begin(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer begin = read(channel, 0, HEADER_AT + MAX_HEADER_LENGTH);
            return StandardCharsets.ISO_8859_1.decode(begin).toString();
        }
    }

    /**
     * The check of a file's head: eight bytes of its digest.
     *
     * @throws IOException if the file has no head
     */
    static long check(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            int length = headerLength(channel);
            int stateAt = roundUp(HEADER_AT + length, CACHE_LINE);
            ByteBuffer head = read(channel, 0, roundUp(stateAt + GLOBAL_STATE, PAGE));
            if (head.limit() < head.capacity()) {
                throw new IOException("it ends before its first segment");
            }
            head.putInt(SizePrefixedBlob.SIZE_WORD_OFFSET, SizePrefixedBlob.READY | SizePrefixedBlob.DATA | length);
            // The lock of the global state may be held, and must not change the digest.
            head.putLong(stateAt, 0);
            MessageDigest sha256 = sha256();
            sha256.update(head);
            return ByteBuffer.wrap(sha256.digest())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getLong();
        }
    }

    /**
     * Clears what only a killed process can have left: the mark of an unfinished file, for which Chronicle Map would
     * wait a minute, and the lock of the global state. No process may have the file open.
     */
    static void release(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            int length = headerLength(channel);
            ByteBuffer word = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            word.putInt(0, SizePrefixedBlob.READY | SizePrefixedBlob.DATA | length);
            channel.write(word, SizePrefixedBlob.SIZE_WORD_OFFSET);
            channel.write(ByteBuffer.allocate(Long.BYTES), roundUp(HEADER_AT + length, CACHE_LINE));
        }
    }

    private static int headerLength(FileChannel channel) throws IOException {
        ByteBuffer begin = read(channel, 0, HEADER_AT);
        int length = begin.limit() < HEADER_AT
                ? 0
                : SizePrefixedBlob.extractSize(begin.getInt(SizePrefixedBlob.SIZE_WORD_OFFSET));
        if (length <= 0 || length > MAX_HEADER_LENGTH || HEADER_AT + length > channel.size()) {
            throw new IOException("it does not begin like the file of a store");
        }
        return length;
    }

    private static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) >= 0) {
            // Until the buffer is full or the file ends.
        }
        return buffer.flip();
    }

    private static int roundUp(int value, int to) {
        return (value + to - 1) / to * to;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("Every JDK has SHA-256", e);
        }
    }
}
