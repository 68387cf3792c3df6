package dev.refrain.cassettes;

import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.util.function.Supplier;

/** A call that another thread is about to make. Any thread may cancel the call, before or after it is made. */
final class Postponed implements Upstream.Call {
    /** The call that was made; null before that. */
    private Upstream.Call made;

    private boolean isCancelled;

    /** Makes the call, unless it was cancelled. */
    void begin(Supplier<Upstream> source, ResponseSink sink) {
        synchronized (this) {
            if (isCancelled) {
                return;
            }
        }
        Upstream.Call call;
        try {
            call = source.get().fetch(sink);
        } catch (RuntimeException e) {
            sink.fail(e);
            return;
        }
        synchronized (this) {
            made = call;
            if (!isCancelled) {
                return;
            }
        }
        call.cancel();
    }

    @Override
    public void cancel() {
        Upstream.Call call;
        synchronized (this) {
            isCancelled = true;
            call = made;
        }
        if (call != null) {
            call.cancel();
        }
    }
}
