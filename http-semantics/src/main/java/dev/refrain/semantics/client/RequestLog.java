package dev.refrain.semantics.client;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.Caller;

/**
 * Listener for each request, cached or not, that goes to one of the four endpoints through a front-end inside a JVM:
 * the console's log, or a program's own. Thread-safe; must be fast and must not throw.
 */
@FunctionalInterface
public interface RequestLog {
    /** Keeps nothing. */
    RequestLog NONE = (endpoint, caller) -> RequestRecord.NONE;

    /** Called when a request begins. Returns the record that receives the request's further events. */
    RequestRecord begin(Endpoint endpoint, Caller caller);
}
