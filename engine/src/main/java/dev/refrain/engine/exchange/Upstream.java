package dev.refrain.engine.exchange;

/**
 * Starts one call to a provider for an answer. Used once, by the thread that answers the request. Any thread may cancel
 * the call once it is under way.
 */
@FunctionalInterface
public interface Upstream {
    /** A call under way. */
    @FunctionalInterface
    interface Call {
        /** A call that cannot be stopped. */
        Call UNSTOPPABLE = () -> {};

        /**
         * Cancels the call, because no reader wants its answer any more. The sink may then receive {@code fail}, or
         * nothing more. Called at most once, by any thread, even while an answer arrives or after its end.
         */
        void cancel();
    }

    /**
     * Starts the call and returns without waiting for it. The answer goes to the sink as it arrives, from any thread. A
     * source that can wait uses {@link ResponseSink#whenDrained} before it sends more. If this method throws, there is
     * no call and the sink was not used; the request fails with that exception.
     *
     * @param sink receives the answer, or {@link ResponseSink#fail} if there is none; never null
     * @return a handle on the call; never null
     */
    Call fetch(ResponseSink sink);
}
