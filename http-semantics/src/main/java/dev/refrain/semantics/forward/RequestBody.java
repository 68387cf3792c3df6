package dev.refrain.semantics.forward;

import java.nio.ByteBuffer;
import java.util.concurrent.Flow;

/**
 * The body of a request, sent piece by piece as its connection has room. Subscribed to at most once; one thread at a
 * time asks for pieces.
 */
public interface RequestBody extends Flow.Publisher<ByteBuffer> {
    /** Its length in bytes; negative if it is not known in advance. */
    long contentLength();
}
