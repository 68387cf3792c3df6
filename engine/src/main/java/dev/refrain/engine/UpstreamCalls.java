package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.time.Duration;

/**
 * Makes upstream calls, and limits their time.
 *
 * @param timeout see {@link ResponseCacheBuilder#upstreamTimeout}
 * @param cancelWhenAbandoned see {@link ResponseCacheBuilder#cancelWhenAbandoned}
 * @param silentNanos see {@link ResponseCacheBuilder#silentCall}, in nanoseconds
 */
record UpstreamCalls(Duration timeout, boolean cancelWhenAbandoned, long silentNanos) {
    /** Makes a call for one reader. The call is cancelled when the reader goes. */
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

    /** Like {@link #pass}, with the time limit. */
    void passInTime(Upstream upstream, ResponseSink sink) {
        pass(inTime(upstream), sink);
    }

    /** The same upstream, whose calls fail at the time limit. */
    Upstream inTime(Upstream upstream) {
        return sink -> new TimedSink(sink, timeout).start(upstream);
    }
}
