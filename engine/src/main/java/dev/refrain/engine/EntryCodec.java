package dev.refrain.engine;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.internal.hot.RecordRing;
import dev.refrain.engine.internal.ids.HitIds;
import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.internal.ids.IdRandom;
import dev.refrain.engine.internal.template.BlockPatches;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * The bytes of an entry: fixed head, source id, content type, finish reason, patch table, LZ4 block. The patch table
 * says where in the body each hit gets its own id and time (the placeholders). docs/STORAGE-FORMAT.md is the reference.
 *
 * <p>The checksum runs over the key and everything behind the checksum itself. So an entry with a flipped bit, or one
 * that turns up under another key, is not taken for an answer. Decoding trusts no entry before its checksum was
 * verified, and bounds-checks every length even after that. Thread-safe; the {@link Scratch} is not.
 *
 * <p>Long, since every field is written and read here and nowhere else.
 */
final class EntryCodec {
    private static final int VERSION = EntryHead.KIND;
    private static final int FLAGS = 5;
    /**
     * Offset of the finish reason's length. All lengths are in the head, so that the head tells where the body begins.
     */
    private static final int FINISH_REASON_LENGTH = 6;

    private static final int BODY_LENGTH = 24;
    private static final int PATCH_COUNT = 28;
    private static final int PATCHES_LENGTH = 32;
    private static final int SOURCE_ID_LENGTH = 44;
    private static final int CONTENT_TYPE_LENGTH = 46;
    private static final int PROMPT_TOKENS = EntryHead.LENGTH;
    private static final int TAG = PROMPT_TOKENS + Integer.BYTES;
    private static final int COMPLETION_TOKENS = TAG + Long.BYTES;
    private static final int COST_NANOS = COMPLETION_TOKENS + Integer.BYTES;
    /** Offset of the parts of varying length. */
    private static final int LABELS = COST_NANOS + Long.BYTES;

    /** Version of entries whose patch table is for the decompressed body. Entries of an unknown version are misses. */
    private static final byte CURRENT_VERSION = 5;
    /** Version of entries whose patch table is for the compressed block. */
    private static final byte BLOCK_PATCHES_VERSION = 6;

    private static final int MAX_FINISH_REASON = 255;

    private static final byte FLAG_LZ4 = 1;
    private static final byte FLAG_BLOCK_PATCHES = 2;

    /** With fewer placeholders it is as fast to fill them after decompression. */
    private static final int MIN_BLOCK_PATCHED = 16;
    /** Longer answers would take too much working memory, several times their length. */
    private static final int MAX_BLOCK_PATCHED = 1 << 20;
    /**
     * Working memory for block patching, as a multiple of the answer's length: a copy, its block, that block
     * decompressed, and LZ4's table.
     */
    private static final long BLOCK_PATCHING_FACTOR = 4;

    /** One byte of an LZ4 block decompresses to at most this many bytes. */
    private static final long MAX_LZ4_RATIO = 255;
    /** Limit of a decompressed body, in bytes. No stored answer is that long, so a body that claims more is damaged. */
    private static final int MAX_BODY = 256 << 20;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    private final LZ4Compressor compressor;
    /** Checks bounds. With the native library it is also the fastest decompressor. */
    private final LZ4SafeDecompressor decompressor;

    private final HitIds ids;

    EntryCodec(HitIds ids) {
        this.ids = ids;
        this.compressor = Lz4.FACTORY.fastCompressor();
        this.decompressor = Lz4.FACTORY.safeDecompressor();
    }

    /** One thread's working memory. */
    static final class Scratch {
        private final CRC32C crc = new CRC32C();
        private final byte[] time = new byte[IdFormat.SECONDS_DIGITS];
        private final IdRandom random = new IdRandom();
    }

    /**
     * What is stored beside the answer itself.
     *
     * @param tag identifies the answer in the ids of its hits, see {@link HitIds}
     */
    record Facts(
            String contentType,
            String sourceId,
            long storedAtMillis,
            long expiresAtMillis,
            long fetchMillis,
            long tag) {}

    /**
     * Writes the entry of a template. Facts too long for their length fields are cut off: they are labels, not content.
     */
    void encode(CacheKey key, Template template, Facts facts, EntryBuffer out, Scratch scratch) {
        byte[] sourceId = latin1(facts.sourceId());
        byte[] contentType = latin1(facts.contentType());
        AnswerFacts answer = template.facts();
        byte[] finishReason = finishReason(answer.finishReason());
        BlockPatched patched = blockPatched(template);
        byte[] patches = patched == null ? template.patches() : patched.patches;
        int patchesLength = patched == null ? template.patchesLength() : patches.length;
        int bodyLength = template.length();
        int blockAt = LABELS + sourceId.length + contentType.length + finishReason.length + patchesLength;
        byte[] entry = out.resize(
                blockAt + (patched == null ? compressor.maxCompressedLength(bodyLength) : patched.blockLength));

        int at = LABELS;
        System.arraycopy(sourceId, 0, entry, at, sourceId.length);
        at += sourceId.length;
        System.arraycopy(contentType, 0, entry, at, contentType.length);
        at += contentType.length;
        System.arraycopy(finishReason, 0, entry, at, finishReason.length);
        at += finishReason.length;
        System.arraycopy(patches, 0, entry, at, patchesLength);

        int block;
        boolean compressed = true;
        if (patched != null) {
            block = patched.blockLength;
            System.arraycopy(patched.block, 0, entry, blockAt, block);
        } else {
            block = compressor.compress(template.bytes(), 0, bodyLength, entry, blockAt);
            compressed = block < bodyLength;
            if (!compressed) {
                System.arraycopy(template.bytes(), 0, entry, blockAt, bodyLength);
                block = bodyLength;
            }
        }
        out.resize(blockAt + block);

        entry[VERSION] = patched == null ? CURRENT_VERSION : BLOCK_PATCHES_VERSION;
        entry[FLAGS] = (byte) ((compressed ? FLAG_LZ4 : 0) | (patched == null ? 0 : FLAG_BLOCK_PATCHES));
        SHORT.set(entry, FINISH_REASON_LENGTH, (short) finishReason.length);
        LONG.set(entry, EntryHead.STORED_AT, facts.storedAtMillis());
        LONG.set(entry, EntryHead.EXPIRES_AT, facts.expiresAtMillis());
        INT.set(entry, BODY_LENGTH, bodyLength);
        INT.set(entry, PATCH_COUNT, template.patchCount());
        INT.set(entry, PATCHES_LENGTH, patchesLength);
        INT.set(entry, EntryHead.TOKENS, clampToInt(answer.tokensOrNone()));
        INT.set(entry, EntryHead.FETCH_MILLIS, clampToInt(facts.fetchMillis()));
        LONG.set(entry, EntryHead.SCOPE, key.scopeTag());
        LONG.set(entry, EntryHead.MODEL, EntryHead.label(key.modelTag(), Namespaces.tag(key.namespace())));
        SHORT.set(entry, SOURCE_ID_LENGTH, (short) sourceId.length);
        SHORT.set(entry, CONTENT_TYPE_LENGTH, (short) contentType.length);
        INT.set(entry, PROMPT_TOKENS, countOrUnknown(answer.promptTokens()));
        INT.set(entry, COMPLETION_TOKENS, countOrUnknown(answer.completionTokens()));
        LONG.set(entry, COST_NANOS, answer.costNanos());
        LONG.set(entry, TAG, facts.tag());
        byte[] digest = new byte[CacheKey.LENGTH];
        key.copyTo(digest, 0);
        EntryChecksum.write(digest, entry, out.length(), scratch.crc);
    }

    /** A block whose placeholders are filled before it is decompressed. */
    private static final class BlockPatched {
        private final byte[] patches;
        private final byte[] block;
        private final int blockLength;

        BlockPatched(byte[] patches, byte[] block, int blockLength) {
            this.patches = patches;
            this.block = block;
            this.blockLength = blockLength;
        }
    }

    /** Upper bound of the heap that {@link #encode} needs besides the entry itself, in bytes. */
    static long workingBytes(Template template) {
        return isWorthBlockPatches(template) ? template.length() * BLOCK_PATCHING_FACTOR : 0;
    }

    private static boolean isWorthBlockPatches(Template template) {
        return template.patchCount() >= MIN_BLOCK_PATCHED && template.length() <= MAX_BLOCK_PATCHED;
    }

    /**
     * Compresses a template, and finds its placeholders in the compressed block. Returns null if block patching does
     * not pay, or if the block cannot be patched correctly.
     */
    private BlockPatched blockPatched(Template template) {
        int length = template.length();
        if (!isWorthBlockPatches(template)) {
            return null;
        }
        byte[] expected = BlockPatches.mark(template);
        byte[] block = new byte[compressor.maxCompressedLength(length)];
        int blockLength = compressor.compress(expected, 0, length, block, 0);
        byte[] patches = BlockPatches.trace(template, block, blockLength);
        if (blockLength + patches.length >= length) {
            return null;
        }
        byte[] tried = new byte[length];
        for (BlockPatches.Probe probe : BlockPatches.Probe.values()) {
            byte[] id = BlockPatches.probeId(probe);
            byte[] time = BlockPatches.probeTime(probe);
            BlockPatches.fill(template, expected, id, time);
            BlockPatches.write(patches, 0, patches.length, block, 0, blockLength, id, time);
            if (decompressor.decompress(block, 0, blockLength, tried, 0, length) != length
                    || !Arrays.equals(tried, expected)) {
                return null;
            }
        }
        return new BlockPatched(patches, block, blockLength);
    }

    /** Whether the entry is one that {@link #encode} wrote for this key. */
    boolean isIntact(byte[] key, EntryBuffer in, Scratch scratch) {
        byte[] entry = in.bytes();
        return in.length() >= LABELS && isKnown(entry) && EntryChecksum.matches(key, entry, in.length(), scratch.crc);
    }

    /** Like {@link #isIntact}, for an entry that was sealed and has been opened. Opening has proved its integrity. */
    static boolean isEntry(EntryBuffer opened) {
        return opened.length() >= LABELS && isKnown(opened.bytes());
    }

    /**
     * Turns an intact entry into the answer of a hit: decompressed, with a new id and the current time in their places.
     *
     * @return false if the entry does not decode after all
     */
    boolean decode(EntryBuffer in, long nowMillis, CachedResponse out, Scratch scratch) {
        byte[] entry = in.bytes();
        int bodyLength = (int) INT.get(entry, BODY_LENGTH);
        int blockAt = beforeBody(entry);
        int blockLength = in.length() - blockAt;
        if (!isPossible(entry, in.length(), bodyLength)) {
            return false;
        }
        try {
            byte[] body = out.body().resize(bodyLength);
            if (hasBlockPatches(entry)) {
                tell(entry, nowMillis, out, scratch);
                BlockPatches.write(
                        entry,
                        blockAt - (int) INT.get(entry, PATCHES_LENGTH),
                        (int) INT.get(entry, PATCHES_LENGTH),
                        entry,
                        blockAt,
                        blockLength,
                        out.generationIdBytes(),
                        scratch.time);
            }
            if ((entry[FLAGS] & FLAG_LZ4) == 0) {
                System.arraycopy(entry, blockAt, body, 0, bodyLength);
            } else if (decompressor.decompress(entry, blockAt, blockLength, body, 0, bodyLength) != bodyLength) {
                return false;
            }
            if (!hasBlockPatches(entry)) {
                complete(entry, nowMillis, out, scratch);
            }
            return true;
        } catch (LZ4Exception | IndexOutOfBoundsException | IllegalArgumentException e) {
            return false;
        } catch (OutOfMemoryError e) {
            // One array was too long for the heap. That is no reason to fail the request.
            return false;
        }
    }

    /**
     * Whether an entry can have the lengths that it claims. Checked before any memory is allocated for it. A valid
     * checksum is not enough: anybody who can write to the file can compute one.
     */
    private static boolean isPossible(byte[] entry, int length, int bodyLength) {
        int patchesLength = (int) INT.get(entry, PATCHES_LENGTH);
        // Each length is below 2^31, so nothing overflows in a long.
        long blockLength = (long) length - beforeBody(entry);
        if (patchesLength < 0 || patchesLength > length || blockLength < 0 || bodyLength < 0) {
            return false;
        }
        return (entry[FLAGS] & FLAG_LZ4) == 0
                ? bodyLength == blockLength
                : bodyLength <= blockLength * MAX_LZ4_RATIO && bodyLength <= MAX_BODY;
    }

    /** The tag of an intact entry, see {@link HitIds}. */
    static long tag(byte[] entry) {
        return (long) LONG.get(entry, TAG);
    }

    /** How long it took to fetch the answer of an entry, in milliseconds; 0 if that is not known. */
    static int fetchMillis(byte[] entry) {
        return Math.max(0, (int) INT.get(entry, EntryHead.FETCH_MILLIS));
    }

    /**
     * Changes when an entry was stored. Its lifetime stays the same.
     *
     * @param storedAt milliseconds since the epoch
     * @return false if {@link #encode} did not write the entry, or if it has no lifetime
     */
    static boolean retime(byte[] key, EntryBuffer entry, long storedAt) {
        byte[] bytes = entry.bytes();
        long lifetime = EntryHead.expiresAt(bytes) - EntryHead.storedAt(bytes);
        if (entry.length() < LABELS || !isKnown(bytes) || lifetime <= 0) {
            return false;
        }
        LONG.set(bytes, EntryHead.STORED_AT, storedAt);
        LONG.set(bytes, EntryHead.EXPIRES_AT, storedAt + lifetime);
        EntryChecksum.write(key, bytes, entry.length(), new CRC32C());
        return true;
    }

    private static boolean isKnown(byte[] entry) {
        return entry[VERSION] == CURRENT_VERSION || entry[VERSION] == BLOCK_PATCHES_VERSION;
    }

    /**
     * Reads a hot copy out of its ring: the part before the body, and the body, ready for {@link #complete}.
     *
     * @return false if the copy is gone from the ring
     */
    static boolean copy(RecordRing.Cursor copy, EntryBuffer beforeBody, EntryBuffer body) {
        // The head has all lengths that tell where the body begins.
        if (!copy.copy(0, beforeBody.resize(EntryHead.LENGTH), 0, EntryHead.LENGTH)) {
            return false;
        }
        int bodyAt = beforeBody(beforeBody.bytes());
        int bodyLength = (int) INT.get(beforeBody.bytes(), BODY_LENGTH);
        return copy.copy(EntryHead.LENGTH, beforeBody.resize(bodyAt), EntryHead.LENGTH, bodyAt - EntryHead.LENGTH)
                && copy.copy(bodyAt, body.resize(bodyLength), 0, bodyLength);
    }

    /** Length of the part before an entry's body, in bytes. Negative for some malformed entries. */
    static int beforeBody(byte[] entry) {
        return LABELS
                + Short.toUnsignedInt((short) SHORT.get(entry, SOURCE_ID_LENGTH))
                + Short.toUnsignedInt((short) SHORT.get(entry, CONTENT_TYPE_LENGTH))
                + Short.toUnsignedInt((short) SHORT.get(entry, FINISH_REASON_LENGTH))
                + (int) INT.get(entry, PATCHES_LENGTH);
    }

    /**
     * Whether ids and times are filled into the compressed block. A decompressed copy of such a body has no
     * placeholders, so a later hit cannot use it.
     */
    static boolean hasBlockPatches(byte[] entry) {
        return (entry[FLAGS] & FLAG_BLOCK_PATCHES) != 0;
    }

    /**
     * Fills the placeholders of the body that {@code out} holds already, and sets all other facts of the answer there.
     */
    void complete(byte[] entry, long nowMillis, CachedResponse out, Scratch scratch) {
        tell(entry, nowMillis, out, scratch);
        Template.patch(
                entry,
                beforeBody(entry) - (int) INT.get(entry, PATCHES_LENGTH),
                (int) INT.get(entry, PATCHES_LENGTH),
                (int) INT.get(entry, PATCH_COUNT),
                out.array(),
                0,
                out.length(),
                out.generationIdBytes(),
                scratch.time);
    }

    /** Makes the new id and time, and sets all facts of an answer except its body, which may come later. */
    private void tell(byte[] entry, long nowMillis, CachedResponse out, Scratch scratch) {
        int sourceIdLength = Short.toUnsignedInt((short) SHORT.get(entry, SOURCE_ID_LENGTH));
        int contentTypeLength = Short.toUnsignedInt((short) SHORT.get(entry, CONTENT_TYPE_LENGTH));
        int contentTypeAt = LABELS + sourceIdLength;
        ids.write(nowMillis / 1000, (long) LONG.get(entry, TAG), scratch.random, out.generationIdBytes());
        IdFormat.writeSeconds(nowMillis / 1000, scratch.time, 0);
        out.contentType(entry, contentTypeAt, contentTypeLength);
        out.times(EntryHead.storedAt(entry), EntryHead.expiresAt(entry), nowMillis);
        out.sourceId(entry, LABELS, sourceIdLength);
        tellFacts(entry, contentTypeAt + contentTypeLength, out);
    }

    private static void tellFacts(byte[] entry, int finishReasonAt, CachedResponse out) {
        out.finishReason(entry, finishReasonAt, Short.toUnsignedInt((short) SHORT.get(entry, FINISH_REASON_LENGTH)));
        out.savings(
                (int) INT.get(entry, PROMPT_TOKENS),
                (int) INT.get(entry, COMPLETION_TOKENS),
                (int) INT.get(entry, EntryHead.TOKENS),
                (long) LONG.get(entry, COST_NANOS),
                (int) INT.get(entry, EntryHead.FETCH_MILLIS));
    }

    private static byte[] finishReason(String reason) {
        byte[] bytes = reason == null ? new byte[0] : reason.getBytes(StandardCharsets.UTF_8);
        return bytes.length <= MAX_FINISH_REASON ? bytes : Arrays.copyOf(bytes, MAX_FINISH_REASON);
    }

    private static int countOrUnknown(long count) {
        return (int) Math.min(Integer.MAX_VALUE, count);
    }

    private static byte[] latin1(String label) {
        byte[] bytes = label == null ? new byte[0] : label.getBytes(StandardCharsets.ISO_8859_1);
        return bytes.length <= 0xFFFF ? bytes : Arrays.copyOf(bytes, 0xFFFF);
    }

    private static int clampToInt(long value) {
        return (int) Math.max(0, Math.min(Integer.MAX_VALUE, value));
    }
}
