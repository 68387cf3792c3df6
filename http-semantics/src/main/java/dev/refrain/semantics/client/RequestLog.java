package dev.refrain.semantics.client;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.Caller;

/**
 * Is told of each request to one of the four endpoints that goes through a front-end inside a JVM, cached or not: the
 * console's log, or a program's own listener. Thread-safe; must be fast and must not throw.
 */
@FunctionalInterface
public interface RequestLog {
    /** Keeps nothing. */
    RequestLog NONE = (endpoint, caller) -> RequestRecord.NONE;

    /** A request begins; the result is told what becomes of it. */
    RequestRecord begin(Endpoint endpoint, Caller caller);
}
