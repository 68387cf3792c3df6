package dev.refrain.console.admin;

import dev.refrain.engine.memory.MemoryBudget;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import io.undertow.util.SameThreadExecutor;
import io.undertow.util.StatusCodes;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Dispatches requests by path and method. Bodies are read without blocking a thread. Actions run on a worker thread,
 * and probes on threads of their own.
 */
final class Routes implements HttpHandler {
    static final String LIVE = "/healthz";
    static final String READY = "/readyz";
    static final String METRICS = "/metrics";
    static final String UI = "/admin/";
    static final String API = "/admin/api/";
    static final String LOGIN = API + "login";

    private static final Logger LOG = LoggerFactory.getLogger(Routes.class);

    private static final int LOGIN_BYTES = 4096;

    /** Answers one kind of request. */
    @FunctionalInterface
    interface Action {
        /**
         * Answers a request, on a worker thread or a thread for probes.
         *
         * @param rest the part of the path behind the route's path
         */
        void answer(HttpServerExchange exchange, String rest, byte[] body) throws Exception;
    }

    private record Route(String path, Action action) {}

    /** Actions by path, then by method. */
    private final Map<String, Map<HttpString, Action>> actions = new HashMap<>();

    /** Paths whose actions run on the probes' threads. */
    private final Set<String> probes = new HashSet<>();

    private final Executor probeThreads;
    private final int maxBodyBytes;
    private final MemoryBudget memory;
    private final MemoryBudget share;

    /**
     * An empty table of routes.
     *
     * @param maxBodyBytes length of the longest body
     * @param memory budget of bodies, which may take a quarter of it
     * @param probeThreads run the actions of probes
     */
    Routes(int maxBodyBytes, MemoryBudget memory, Executor probeThreads) {
        this.probeThreads = probeThreads;
        this.maxBodyBytes = maxBodyBytes;
        this.memory = memory;
        this.share = new MemoryBudget(Math.max(1, memory.limitBytes() / 4));
    }

    /** Adds a route. A path that ends with a slash covers all paths below it; the longest matching path wins. */
    Routes on(HttpString method, String path, Action action) {
        actions.computeIfAbsent(path, p -> new LinkedHashMap<>()).put(method, action);
        return this;
    }

    /** Adds a route whose requests have no body, and are answered in time even if all worker threads are busy. */
    Routes probe(String path, Action action) {
        probes.add(path);
        return on(Methods.GET, path, action);
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) {
        HttpString method =
                exchange.getRequestMethod().equals(Methods.HEAD) ? Methods.GET : exchange.getRequestMethod();
        String path = longestPath(exchange.getRequestPath());
        Map<HttpString, Action> methods = actions.getOrDefault(path, Map.of());
        Action action = methods.get(method);
        if (action == null) {
            refuse(exchange, methods);
        } else if (exchange.isRequestComplete() || !method.equals(Methods.POST)) {
            if (!exchange.isRequestComplete()) {
                // The action needs no body. A body that is sent is not read, so the connection is closed.
                exchange.setPersistent(false);
            }
            HttpHandler handler = thread -> answer(thread, new Route(path, action), new byte[0]);
            if (probes.contains(path)) {
                exchange.dispatch(probeThreads, handler);
            } else {
                exchange.dispatch(handler);
            }
        } else {
            // Login needs no token, so only a short body is accepted.
            receive(exchange, new Route(path, action), path.equals(LOGIN) ? LOGIN_BYTES : maxBodyBytes);
        }
    }

    private String longestPath(String requested) {
        if (actions.containsKey(requested)) {
            return requested;
        }
        return actions.keySet().stream()
                .filter(path -> path.endsWith("/") && requested.startsWith(path))
                .max(Comparator.comparingInt(String::length))
                .orElse("");
    }

    private static void refuse(HttpServerExchange exchange, Map<HttpString, Action> methods) {
        String allowed = methods.keySet().stream().map(HttpString::toString).collect(Collectors.joining(", "));
        if (allowed.isEmpty()) {
            Replies.error(exchange, AdminException.notFound("There is nothing at " + exchange.getRequestPath() + "."));
        } else {
            exchange.getResponseHeaders().put(Headers.ALLOW, allowed);
            Replies.error(
                    exchange,
                    new AdminException(
                            StatusCodes.METHOD_NOT_ALLOWED,
                            exchange.getRequestPath() + " takes " + allowed + " only."));
        }
    }

    private void receive(HttpServerExchange exchange, Route route, int limit) {
        // Dispatched to this same thread, so that the exchange ends with its answer instead of with the return of this
        // method.
        exchange.dispatch(
                SameThreadExecutor.INSTANCE,
                () -> SmallBody.read(exchange, limit, share, memory, new SmallBody.Receiver() {
                    @Override
                    public void complete(byte[] body) {
                        exchange.dispatch(worker -> answer(worker, route, body));
                    }

                    @Override
                    public void refused(AdminException why) {
                        exchange.setPersistent(false);
                        Replies.error(exchange, why);
                    }
                }));
    }

    @SuppressWarnings("CatchingUnchecked") // whatever goes wrong ends this request and nothing else
    private static void answer(HttpServerExchange exchange, Route route, byte[] body) {
        try {
            route.action()
                    .answer(
                            exchange,
                            exchange.getRequestPath().substring(route.path().length()),
                            body);
        } catch (AdminException refused) {
            Replies.error(exchange, refused);
        } catch (Exception e) {
            LOG.warn("A request to the admin listener failed", e);
            if (!exchange.isResponseStarted()) {
                Replies.error(
                        exchange,
                        new AdminException(StatusCodes.INTERNAL_SERVER_ERROR, "The request failed; the log says why."));
            }
        }
    }
}
