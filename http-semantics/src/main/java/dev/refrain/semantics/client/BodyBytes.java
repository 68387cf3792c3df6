package dev.refrain.semantics.client;

import java.io.ByteArrayOutputStream;

/** Collects a request's body. If the length is known beforehand, the bytes are not copied again. Used by one thread. */
public final class BodyBytes extends ByteArrayOutputStream {
    /** @param length expected length in bytes; not negative */
    public BodyBytes(int length) {
        super(length);
    }

    /** The bytes written: the buffer itself if it is full, else a copy. Nothing may be written afterwards. */
    public byte[] take() {
        return count == buf.length ? buf : toByteArray();
    }
}
