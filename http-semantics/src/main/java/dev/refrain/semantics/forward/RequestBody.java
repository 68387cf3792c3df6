package dev.refrain.semantics.forward;

import java.nio.ByteBuffer;
import java.util.concurrent.Flow;

/** The body of a request, published piece by piece as its connection has room. Has at most one subscriber. */
public interface RequestBody extends Flow.Publisher<ByteBuffer> {
    /** Its length in bytes; negative if it is not known in advance. */
    long contentLength();
}
