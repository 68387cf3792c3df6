package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wraps the sink of a request that shares an upstream call, so that a failure of the sink ends only that request. A
 * sink that throws counts as a reader that has gone. Calls after the end of the answer are ignored.
 */
final class GuardedSink implements ResponseSink {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedSink.class);

    private final ResponseSink client;
    private volatile Runnable goneListener;
    /** Whether the client's sink has thrown. It is not called any more then. */
    private volatile boolean broken;
    /** Whether the answer has ended or failed. */
    private volatile boolean over;

    GuardedSink(ResponseSink client) {
        this.client = client;
    }

    @Override
    @SuppressWarnings("CatchingUnchecked") // whatever the sink throws, other readers wait for the rest
    public void head(ResponseHead head) {
        if (isClosed()) {
            return;
        }
        try {
            client.head(head);
        } catch (Throwable e) {
            cut(e);
        }
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void chunk(ByteBuffer bytes) {
        if (isClosed()) {
            return;
        }
        try {
            client.chunk(bytes);
        } catch (Throwable e) {
            cut(e);
        }
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void end() {
        if (isClosed()) {
            return;
        }
        over = true;
        try {
            client.end();
        } catch (Throwable e) {
            over = false; // so that cut fails the client's answer, whose reader might otherwise wait for ever
            cut(e);
        }
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void fail(Throwable cause) {
        if (isClosed()) {
            return;
        }
        over = true;
        try {
            client.fail(cause);
        } catch (Throwable e) {
            broke(e);
        }
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void whenDrained(Runnable action) {
        if (!isClosed()) {
            try {
                client.whenDrained(action);
                return;
            } catch (Throwable e) {
                cut(e);
            }
        }
        action.run();
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public void whenGone(Runnable action) {
        goneListener = action;
        try {
            client.whenGone(action);
        } catch (Throwable e) {
            cut(e);
            return;
        }
        if (broken) {
            action.run();
        }
    }

    @Override
    @SuppressWarnings("CatchingUnchecked")
    public boolean hasReader() {
        try {
            return !broken && client.hasReader();
        } catch (Throwable e) {
            cut(e);
            return false;
        }
    }

    private boolean isClosed() {
        return broken || over;
    }

    private void cut(Throwable fault) {
        fail(fault);
        broke(fault);
    }

    private void broke(Throwable fault) {
        LOG.warn("A reader of an answer failed; its other readers go on", fault);
        broken = true;
        Runnable listener = goneListener;
        if (listener != null) {
            listener.run();
        }
    }
}
