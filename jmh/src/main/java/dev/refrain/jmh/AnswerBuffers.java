package dev.refrain.jmh;

import dev.refrain.engine.CachedResponse;
import java.nio.ByteBuffer;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Buffers for the answers of one thread. */
@State(Scope.Thread)
public class AnswerBuffers {
    final CachedResponse response = new CachedResponse();
    final byte[] bytes = new byte[256 << 10];
    final ByteBuffer buffer = ByteBuffer.wrap(bytes);
}
