package dev.refrain.http2;

import java.nio.ByteBuffer;

/** What the connections of one I/O thread share: where bytes are read into, and gathered before they are written. */
final class Buffers {
    private static final int IN = 32 * 1024;
    private static final int OUT = 64 * 1024;

    private final ByteBuffer in = ByteBuffer.allocateDirect(IN);
    private final ByteBuffer out = ByteBuffer.allocateDirect(OUT);
    /** Whose bytes are in {@link #out}, or null. */
    private ClientConnection writer;

    /** Empty; valid until the next call. */
    ByteBuffer in() {
        return in.clear();
    }

    /** Where a connection adds its bytes. Those of another one are written first. */
    ByteBuffer out(ClientConnection of) {
        if (writer != of) {
            if (writer != null) {
                writer.push();
            }
            writer = of;
        }
        return out;
    }

    /** What a connection has gathered, to be read; empty if that is nothing. {@link #written} follows. */
    ByteBuffer gathered(ClientConnection of) {
        return writer == of ? out.flip() : ByteBuffer.allocate(0);
    }

    /** What was gathered is written, or copied. */
    void written(ClientConnection of) {
        if (writer == of) {
            out.clear();
            writer = null;
        }
    }
}
