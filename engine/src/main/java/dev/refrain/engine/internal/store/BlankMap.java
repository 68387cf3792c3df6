package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import net.openhft.chronicle.bytes.BytesStore;
import net.openhft.chronicle.core.OS;
import net.openhft.chronicle.hash.VanillaGlobalMutableState;
import net.openhft.chronicle.hash.impl.SizePrefixedBlob;
import net.openhft.chronicle.hash.impl.VanillaChronicleHash;
import net.openhft.chronicle.map.ChronicleMapBuilder;
import net.openhft.chronicle.map.VanillaChronicleMap;

/**
 * Writes the file of an empty map, byte for byte as Chronicle Map does, but without reading the file. Chronicle Map
 * checks nine pages of each segment for zeros, and the kernel reads ahead around each of them: for 10 GiB that took 30
 * s and all of the page cache. A file that was just extended is all zeros, so only the header and the global state have
 * to be written.
 *
 * <p>Chronicle Map's own code makes the header. That code is private, so it is called by reflection. A test
 * compares the files.
 */
final class BlankMap {
    /** Offset of the fields in the global state, behind its lock. */
    private static final int STATE_OFFSET = 8;

    private BlankMap() {}

    /** @param file exists and is empty */
    static void write(Path file, int segments) throws IOException {
        // Not closed, since it maps nothing.
        VanillaChronicleMap<?, ?, ?> map =
                (VanillaChronicleMap<?, ?, ?>) call(method("newMap"), Layout.builder(segments));
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            FileChannel channel = access.getChannel();
            ByteBuffer header = (ByteBuffer)
                    call(method("writeHeader", FileChannel.class, VanillaChronicleMap.class), null, channel, map);
            map.initBeforeMapping(file.toFile(), access, header.limit(), false);
            long length = map.sizeInBytesWithoutTiers();
            access.setLength(OS.pageAlign(length));
            long segmentHeadersAt =
                    OS.pageAlign(map.headerSize + VanillaChronicleHash.RESERVED_GLOBAL_MUTABLE_STATE_BYTES);
            write(channel, globalState(map, segmentHeadersAt, length), map.headerSize + STATE_OFFSET);
            markReady(channel, header.remaining());
        }
    }

    private static ByteBuffer globalState(VanillaChronicleMap<?, ?, ?> map, long segmentHeadersAt, long length) {
        VanillaGlobalMutableState state = map.globalMutableState();
        ByteBuffer bytes = ByteBuffer.allocate((int) state.maxSize());
        state.bytesStore(BytesStore.wrap(bytes), 0, state.maxSize());
        state.setSegmentHeadersOffset(segmentHeadersAt);
        state.setDataStoreSize(length);
        return bytes;
    }

    private static void markReady(FileChannel channel, int headerLength) throws IOException {
        ByteBuffer word = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        word.putInt(SizePrefixedBlob.READY | SizePrefixedBlob.DATA | headerLength)
                .flip();
        write(channel, word, SizePrefixedBlob.SIZE_WORD_OFFSET);
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
        for (long to = at; bytes.hasRemaining(); ) {
            to += channel.write(bytes, to);
        }
    }

    private static Method method(String name, Class<?>... parameters) {
        try {
            Method method = ChronicleMapBuilder.class.getDeclaredMethod(name, parameters);
            method.setAccessible(true);
            return method;
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException("This is not the version of Chronicle Map that Refrain was built with", e);
        }
    }

    private static Object call(Method method, Object target, Object... arguments) throws IOException {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IOException io) {
                throw io;
            }
            throw new IllegalStateException(e.getCause());
        } catch (IllegalAccessException e) {
            throw new AssertionError("It has been made accessible", e);
        }
    }
}
