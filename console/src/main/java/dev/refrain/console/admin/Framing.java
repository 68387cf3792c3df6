package dev.refrain.console.admin;

import dev.refrain.semantics.framing.FramingFault;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import java.util.function.BiConsumer;

/** Refuses requests whose end is in doubt, before the listener handles them. The front-end passes its own. */
@FunctionalInterface
public interface Framing {
    /**
     * The first handler of a listener.
     *
     * @param next gets what is not refused
     * @param refusal answers what is; the connection is closed behind it
     */
    HttpHandler before(HttpHandler next, BiConsumer<HttpServerExchange, FramingFault> refusal);
}
