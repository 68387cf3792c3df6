package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.time.Duration;

/**
 * How upstream calls are made, and how long they are waited for.
 *
 * @param timeout see {@link ResponseCacheBuilder#upstreamTimeout}
 * @param cancelWhenAbandoned see {@link ResponseCacheBuilder#cancelWhenAbandoned}
 * @param silentNanos see {@link ResponseCacheBuilder#silentCall}, in nanoseconds
 */
record UpstreamCalls(Duration timeout, boolean cancelWhenAbandoned, long silentNanos) {
    /** A call whose answer nobody but the reader wants: it ends when the reader goes. */
    @SuppressWarnings("CatchingUnchecked") // as in a flight: an upstream that throws has made no call
    static void pass(Upstream upstream, ResponseSink sink) {
        Upstream.Call call;
        try {
            call = upstream.fetch(sink);
        } catch (Throwable e) {
            sink.fail(e);
            return;
        }
        sink.whenGone(call::cancel);
    }

    /** {@link #pass}, within the time limit. */
    void passInTime(Upstream upstream, ResponseSink sink) {
        pass(inTime(upstream), sink);
    }

    /** An upstream whose calls end within the time limit, whatever they do. */
    Upstream inTime(Upstream upstream) {
        return sink -> new TimedSink(sink, timeout).start(upstream);
    }
}
