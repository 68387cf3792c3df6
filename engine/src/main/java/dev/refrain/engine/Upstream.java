package dev.refrain.engine;

/** A way to get the answer from where it is made: one call to a provider. */
@FunctionalInterface
public interface Upstream {
    /**
     * Starts the call and returns without waiting for it; the answer goes to the sink as it arrives, from any thread.
     *
     * @param sink receives the answer, or {@link ResponseSink#fail} if there is none; never null
     */
    void fetch(ResponseSink sink);
}
