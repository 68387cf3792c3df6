package dev.refrain.http.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/** Writes long answers piece by piece: on each write the JDK copies the whole heap buffer, however little is taken. */
public final class Pieces {
    /** Length of a piece in bytes; small enough for the processor's caches. */
    private static final int LENGTH = 64 * 1024;

    /** Bytes of the first piece, to which Undertow refers until the connection's next response. */
    private static final int FIRST_LENGTH = 4 * 1024;

    /** Bytes of a piece in direct memory, which the JDK does not copy. Larger writes are faster (docs/measurements). */
    public static final int DIRECT_LENGTH = 256 * 1024;

    private Pieces() {}

    /** Writes at most one piece; returns the bytes written. */
    public static int write(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        if (bytes.isDirect()) {
            return channel.write(bytes);
        }
        int end = bytes.limit();
        bytes.limit(Math.min(end, bytes.position() + LENGTH));
        try {
            return channel.write(bytes);
        } finally {
            bytes.limit(end);
        }
    }

    /**
     * Writes at most one piece, which is sent together with a response's head. Undertow refers to the buffer until the
     * connection's next response, so it must not be a whole answer.
     */
    static int writeFirst(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        if (bytes.remaining() <= FIRST_LENGTH) {
            return channel.write(bytes);
        }
        ByteBuffer piece = Backlog.copy(bytes.slice(bytes.position(), FIRST_LENGTH));
        int count = channel.write(piece);
        bytes.position(bytes.position() + count);
        return count;
    }
}
