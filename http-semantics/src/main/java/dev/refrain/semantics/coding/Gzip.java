package dev.refrain.semantics.coding;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Reads one gzip member (RFC 1952) strictly. Bytes after the member, which the JDK's stream skips, and errors that it
 * does not check are refused: two bodies that a provider may distinguish must not get the same key.
 */
final class Gzip extends InputStream {
    private static final int HEADER_BYTES = 10;
    private static final int TRAILER_BYTES = 8;
    private static final int DEFLATE = 8;
    private static final int CRC_FLAG = 2;
    private static final int EXTRA = 4;
    private static final int NAME = 8;
    private static final int COMMENT = 16;
    private static final int RESERVED = 0xE0;

    private final ByteBuffer coded;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 check = new CRC32();
    private boolean ended;

    Gzip(byte[] bytes) throws IOException {
        coded = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < HEADER_BYTES + TRAILER_BYTES
                || coded.getShort() != (short) 0x8B1F
                || coded.get() != DEFLATE) {
            throw new IOException("not a gzip member");
        }
        int flags = coded.get();
        coded.position(HEADER_BYTES);
        if ((flags & EXTRA) != 0) {
            skip(Short.toUnsignedInt(coded.getShort()));
        }
        if ((flags & NAME) != 0) {
            skipText();
        }
        if ((flags & COMMENT) != 0) {
            skipText();
        }
        if ((flags & CRC_FLAG) != 0) {
            skip(2);
        }
        if ((flags & RESERVED) != 0 || coded.remaining() < TRAILER_BYTES) {
            throw new IOException("not a gzip member");
        }
        inflater.setInput(coded);
    }

    private void skip(int count) throws IOException {
        if (coded.remaining() < count + TRAILER_BYTES) {
            throw new IOException("a truncated gzip member");
        }
        coded.position(coded.position() + count);
    }

    private void skipText() throws IOException {
        do {
            skip(1);
        } while (coded.get(coded.position() - 1) != 0);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (ended || length == 0) {
            return ended ? -1 : 0;
        }
        try {
            int count = inflater.inflate(into, offset, length);
            check.update(into, offset, count);
            if (inflater.finished()) {
                ended = true;
                if (coded.remaining() != TRAILER_BYTES
                        || coded.getInt() != (int) check.getValue()
                        || coded.getInt() != (int) inflater.getBytesWritten()) {
                    throw new IOException("a gzip member with a wrong checksum or length");
                }
                return count == 0 ? -1 : count;
            }
            if (count == 0) {
                throw new IOException("a gzip member that is truncated or needs a dictionary");
            }
            return count;
        } catch (DataFormatException e) {
            throw new IOException("a malformed gzip member", e);
        }
    }

    @Override
    public void close() {
        inflater.end();
    }
}
