package dev.refrain.semantics.forward;

import java.nio.ByteBuffer;
import java.util.concurrent.Flow;

/** The body of a request, which is sent piece by piece as its connection has room. Subscribed to at most once. */
public interface RequestBody extends Flow.Publisher<ByteBuffer> {
    /** Its length in bytes; negative if nobody knows ahead. */
    long contentLength();
}
