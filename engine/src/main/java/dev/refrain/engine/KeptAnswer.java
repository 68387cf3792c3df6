package dev.refrain.engine;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/** The body of an answer as it came, kept for others in case that it is a failure, up to a limit in bytes. One thread's alone. */
final class KeptAnswer {
    private final long limit;
    /** Null once it is not kept any more. */
    private ByteArrayOutputStream body = new ByteArrayOutputStream();

    KeptAnswer(long limit) {
        this.limit = limit;
    }

    /** Takes more of the body; what exceeds the limit takes all of it away. */
    void keep(ByteBuffer bytes) {
        if (body == null) {
            return;
        }
        if (body.size() + (long) bytes.remaining() > limit) {
            drop();
            return;
        }
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        body.writeBytes(copy);
    }

    /** Nobody can have it any more. */
    void drop() {
        body = null;
    }

    /** Whether all that came is here. */
    boolean isWhole() {
        return body != null;
    }

    /** What came. To be asked for only if it is whole. */
    ByteBuffer bytes() {
        return ByteBuffer.wrap(body.toByteArray());
    }
}
