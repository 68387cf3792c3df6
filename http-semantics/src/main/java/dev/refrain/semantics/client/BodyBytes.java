package dev.refrain.semantics.client;

import java.io.ByteArrayOutputStream;

/**
 * Takes a request's body of a length that is known beforehand, without copying it once more. Used by one thread.
 */
public final class BodyBytes extends ByteArrayOutputStream {
    /** @param length in bytes, as far as it is known; not negative */
    public BodyBytes(int length) {
        super(length);
    }

    /** What was written; the array itself if it is full. Nothing may be written after that. */
    public byte[] take() {
        return count == buf.length ? buf : toByteArray();
    }
}
