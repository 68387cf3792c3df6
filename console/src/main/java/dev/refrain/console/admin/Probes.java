package dev.refrain.console.admin;

import dev.refrain.engine.ResponseCache;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Methods;
import io.undertow.util.StatusCodes;
import java.util.function.BooleanSupplier;

/**
 * Answers {@code /healthz} and {@code /readyz}: whether the process lives, and whether it should get requests. The
 * admin listener has both paths; as a handler, the probes can be put in front of another listener. Thread-safe.
 */
public final class Probes implements HttpHandler {
    private final ResponseCache cache;
    private final BooleanSupplier takesRequests;
    private final BooleanSupplier isAlive;
    private final HttpHandler next;

    /**
     * Probes before other handlers.
     *
     * @param takesRequests whether the front-end accepts requests; false while it is being stopped
     * @param isAlive whether all threads that serve clients run
     * @param next gets all requests for other paths; null if this is not used as a handler
     */
    public Probes(ResponseCache cache, BooleanSupplier takesRequests, BooleanSupplier isAlive, HttpHandler next) {
        this.cache = cache;
        this.takesRequests = takesRequests;
        this.isAlive = isAlive;
        this.next = next;
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) throws Exception {
        String path = exchange.getRequestPath();
        boolean isReady = path.equals(Routes.READY);
        if (!isReady && !path.equals(Routes.LIVE)) {
            next.handleRequest(exchange);
            return;
        }
        // A probe needs no body. A body that is sent is not read, so the connection is closed.
        exchange.setPersistent(exchange.isPersistent() && exchange.isRequestComplete());
        if (!exchange.getRequestMethod().equals(Methods.GET)
                && !exchange.getRequestMethod().equals(Methods.HEAD)) {
            exchange.setStatusCode(StatusCodes.METHOD_NOT_ALLOWED);
            exchange.endExchange();
            return;
        }
        exchange.dispatch(worker -> {
            String text;
            AdminException otherwise;
            try {
                // On a worker thread, because the check of the store may access the disk.
                text = isReady ? readiness() : liveness();
                otherwise = null;
            } catch (AdminException notReady) {
                text = null;
                otherwise = notReady;
            }
            String answer = text;
            AdminException fault = otherwise;
            // Answers on the I/O thread, because no other thread may use the listener's state of its connections.
            worker.dispatch(worker.getIoThread(), io -> {
                if (fault == null) {
                    Replies.text(io, answer);
                } else {
                    Replies.error(io, fault);
                }
            });
        });
    }

    /** Answers whether the process lives, with all its threads. */
    void alive(HttpServerExchange exchange) throws AdminException {
        Replies.text(exchange, liveness());
    }

    /** Answers whether this process should get requests, and whether the shared tier is available. */
    void ready(HttpServerExchange exchange) throws AdminException {
        Replies.text(exchange, readiness());
    }

    private String liveness() throws AdminException {
        if (!isAlive.getAsBoolean()) {
            throw new AdminException(
                    StatusCodes.SERVICE_UNAVAILABLE,
                    "A thread that serves clients has ended; its clients get no answer. Restart Refrain.");
        }
        return "ok\n";
    }

    private String readiness() throws AdminException {
        if (!takesRequests.getAsBoolean()) {
            throw new AdminException(StatusCodes.SERVICE_UNAVAILABLE, "Refrain is being stopped.");
        }
        liveness();
        if (cache.admin().stats().store().capacityBytes() == 0) {
            throw new AdminException(
                    StatusCodes.SERVICE_UNAVAILABLE, "The store could not be opened; nothing is cached.");
        }
        // An upstream is always configured: without one the demo provider answers. Without the shared tier requests are
        // still answered, so its loss is no reason to take this machine out of use.
        boolean alone =
                cache.admin().shared().filter(shared -> !shared.isAvailable()).isPresent();
        return alone ? "ready\nshared tier: unavailable\n" : "ready\n";
    }
}
