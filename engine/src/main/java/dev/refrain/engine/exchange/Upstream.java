package dev.refrain.engine.exchange;

/** A way to get the answer from where it is made: one call to a provider. */
@FunctionalInterface
public interface Upstream {
    /** A call under way. */
    @FunctionalInterface
    interface Call {
        /** A call that cannot be stopped. */
        Call UNSTOPPABLE = () -> {};

        /**
         * Breaks the call off, because nobody wants its answer any more. The sink may fail thereupon, or hear nothing
         * more. Called at most once, by any thread, also while an answer arrives or after its end.
         */
        void cancel();
    }

    /**
     * Starts the call and returns without waiting for it; the answer goes to the sink as it arrives, from any thread. A
     * source that can wait asks {@link ResponseSink#whenDrained} before it sends more. An exception means that there is
     * no call and that the sink has not been touched; it fails with that exception.
     *
     * @param sink receives the answer, or {@link ResponseSink#fail} if there is none; never null
     * @return a handle on the call; never null
     */
    Call fetch(ResponseSink sink);
}
