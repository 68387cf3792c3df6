package dev.refrain.semantics.coding;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Checks frames of zstd (RFC 8878, 3.1.1) before they are decoded. A content coding has windows of at most 8 MiB (RFC
 * 9659, 3). The decoder accepts any window, and copies a larger one as a whole for each block.
 */
final class ZstdFrames {
    static final int MAX_WINDOW = 8 << 20;

    private static final int MAGIC = 0xFD2FB528;
    private static final int MAX_BLOCK = 128 * 1024;
    private static final int CHECKSUM_BYTES = 4;
    private static final int ONE_BYTE_OFTEN = 1;

    private final ByteBuffer coded;

    private ZstdFrames(byte[] bytes) {
        coded = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Checks all frames.
     *
     * @throws IOException if a frame is truncated or malformed, or asks for a window that is too large
     */
    static void check(byte[] coded) throws IOException {
        ZstdFrames frames = new ZstdFrames(coded);
        try {
            do {
                frames.frame();
            } while (frames.coded.hasRemaining());
        } catch (BufferUnderflowException e) {
            throw new IOException("a truncated zstd frame", e);
        }
    }

    private void frame() throws IOException {
        if (coded.getInt() != MAGIC) {
            throw new IOException("not a zstd frame");
        }
        int descriptor = coded.get();
        boolean isOneSegment = (descriptor & 0x20) != 0;
        long window = isOneSegment ? Long.MAX_VALUE : window(coded.get());
        skip(new int[] {0, 1, 2, 4}[descriptor & 3]);
        long content = contentSize((descriptor >> 6) & 3, isOneSegment);
        if (Long.compareUnsigned(content, window) < 0) {
            window = content;
        }
        if (window > MAX_WINDOW) {
            throw new IOException("a zstd window of more than 8 MiB");
        }
        boolean isLast;
        do {
            isLast = block();
        } while (!isLast);
        skip((descriptor & 4) != 0 ? CHECKSUM_BYTES : 0);
    }

    private static long window(byte descriptor) {
        long base = 1L << (10 + (Byte.toUnsignedInt(descriptor) >> 3));
        return base + (base / 8) * (descriptor & 7);
    }

    /** Content size of the frame; all bits set if the frame does not say it. */
    private long contentSize(int flag, boolean isOneSegment) {
        return switch (flag) {
            case 0 -> isOneSegment ? Byte.toUnsignedLong(coded.get()) : -1;
            case 1 -> Short.toUnsignedLong(coded.getShort()) + 256;
            case 2 -> Integer.toUnsignedLong(coded.getInt());
            default -> coded.getLong();
        };
    }

    /** Skips a block, and returns whether it is the frame's last. */
    private boolean block() throws IOException {
        int header = Byte.toUnsignedInt(coded.get()) | (Short.toUnsignedInt(coded.getShort()) << 8);
        int length = header >> 3;
        if (length > MAX_BLOCK) {
            throw new IOException("a zstd block of more than 128 KiB");
        }
        skip(((header >> 1) & 3) == ONE_BYTE_OFTEN ? 1 : length);
        return (header & 1) != 0;
    }

    private void skip(int bytes) {
        if (bytes > coded.remaining()) {
            throw new BufferUnderflowException();
        }
        coded.position(coded.position() + bytes);
    }
}
