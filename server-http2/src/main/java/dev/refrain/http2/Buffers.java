package dev.refrain.http2;

import java.nio.ByteBuffer;

/** The two buffers that all connections of one I/O thread share: one to read into, and one to gather output in. */
final class Buffers {
    private static final int IN = 32 * 1024;
    private static final int OUT = 64 * 1024;

    private final ByteBuffer in = ByteBuffer.allocateDirect(IN);
    private final ByteBuffer out = ByteBuffer.allocateDirect(OUT);
    /** The connection whose bytes are in {@link #out}, or null. */
    private ClientConnection writer;

    /** The empty input buffer; valid until the next call. */
    ByteBuffer in() {
        return in.clear();
    }

    /** The output buffer, to which a connection adds bytes. Bytes of another connection are written first. */
    ByteBuffer out(ClientConnection of) {
        if (writer != of) {
            if (writer != null) {
                writer.push();
            }
            writer = of;
        }
        return out;
    }

    /** The bytes that a connection has gathered, ready to be read; may be empty. Call {@link #written} afterwards. */
    ByteBuffer gathered(ClientConnection of) {
        return writer == of ? out.flip() : ByteBuffer.allocate(0);
    }

    /** The gathered bytes have been written or copied. */
    void written(ClientConnection of) {
        if (writer == of) {
            out.clear();
            writer = null;
        }
    }
}
