package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import java.nio.ByteBuffer;

/** A sink that throws, like a sink whose mapped file is on a full disk, for which the JVM raises an InternalError. */
final class BrokenAnswer extends CollectedAnswer {
    private final String where;

    /** @param where the method that throws: {@code head}, {@code chunk} or {@code end} */
    BrokenAnswer(String where) {
        this.where = where;
    }

    private void breakAt(String here) {
        if (where.equals(here)) {
            throw new InternalError("as in the test");
        }
    }

    @Override
    public void head(ResponseHead begun) {
        breakAt("head");
        super.head(begun);
    }

    @Override
    public synchronized void chunk(ByteBuffer bytes) {
        breakAt("chunk");
        super.chunk(bytes);
    }

    @Override
    public void end() {
        breakAt("end");
        super.end();
    }
}
