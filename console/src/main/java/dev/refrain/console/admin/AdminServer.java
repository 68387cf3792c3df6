package dev.refrain.console.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.TimeSeries;
import dev.refrain.console.explain.Explainer;
import dev.refrain.console.explain.Question;
import dev.refrain.console.framing.Framing;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.route.DotSegments;
import dev.refrain.semantics.route.Route;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.Methods;
import io.undertow.util.StatusCodes;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.xnio.Options;

/** The running admin listener. Thread-safe; nothing is null. */
public final class AdminServer implements AutoCloseable {
    private static final int IO_THREADS = 1;
    private static final int WORKERS = 8;
    /** Threads for {@code /healthz}, {@code /readyz} and {@code /metrics}, so that no other request can delay these. */
    private static final int PROBES = 2;

    private static final int IDLE_MILLIS = 60_000;
    private static final int STALL_MILLIS = 30_000;
    private static final int MAX_HEADER_BYTES = 16 * 1024;
    private static final int MAX_CONNECTIONS = 256;
    private static final int MIN_CONNECTIONS = 32;
    /** Heap that one request head takes at most: its bytes, the texts of its fields, and their objects. */
    private static final int HEAD_BYTES = 4 * MAX_HEADER_BYTES + 4 * 1024;
    /** Heads of all connections may take 1/16 of the memory budget, in addition to it. */
    private static final int PART_OF_BUDGET = 16;

    /** Limit of a body, in bytes: room for a request of usual length to explain, and the JSON around it. */
    private static final int MAX_BODY_BYTES = 1 << 20;

    /**
     * What the listener shows and acts on.
     *
     * @param callers the current labels of callers
     * @param explainer says what the cache would do with a request
     * @param reload reads the settings again; null if they do not come from a file
     * @param address where the proxy listens, as clients reach it, or a program's name
     * @param takesRequests whether the proxy accepts requests; false while it is being stopped
     * @param isAlive whether all threads that serve the proxy's clients run
     * @param upstreamCalls calls to providers under way
     * @param upstreamErrors calls that failed, by reason; read at each query
     * @param webSockets calls under way that have become websockets
     * @param webSocketBytes bytes over websockets, by direction; read at each query
     * @param recordings figures of the folder of recordings; empty if there is no such folder
     */
    public record Subject(
            ResponseCache cache,
            ActivityLog activity,
            Supplier<Callers> callers,
            Explainer explainer,
            Reload reload,
            Supplier<String> address,
            BooleanSupplier takesRequests,
            BooleanSupplier isAlive,
            IntSupplier upstreamCalls,
            Map<String, ? extends Number> upstreamErrors,
            IntSupplier webSockets,
            Map<String, ? extends Number> webSocketBytes,
            Supplier<Map<String, Object>> recordings) {
        /**
         * A cache inside a program. The program's own clients make the calls; of these, only calls whose answers are to
         * be stored are known here.
         *
         * @param name of the program
         */
        public static Subject ofProgram(
                ResponseCache cache,
                ActivityLog activity,
                Callers callers,
                Explainer explainer,
                Supplier<String> name) {
            return new Subject(
                    cache,
                    activity,
                    () -> callers,
                    explainer,
                    null,
                    name,
                    () -> true,
                    () -> true,
                    () -> cache.admin().joinableFlights(),
                    Map.of(),
                    () -> 0,
                    Map.of(),
                    Map::of);
        }
    }

    private final Subject subject;
    private final Sessions sessions;
    private final Attempts attempts = new Attempts(Clock.systemUTC());
    private final Metrics metrics;
    private final Events events;
    /** The queue is bounded by the number of connections, each of which has one request at a time. */
    private final ExecutorService probes = Executors.newFixedThreadPool(PROBES, task -> {
        Thread thread = new Thread(task, "refrain-probes");
        thread.setDaemon(true);
        return thread;
    });

    private final Undertow undertow;
    private final String host;
    private final String tokenSetting;

    private AdminServer(AdminOptions options, Subject subject, int patienceSeconds) {
        this.subject = subject;
        this.host = options.host();
        this.tokenSetting = options.tokenSetting();
        this.sessions = new Sessions(options.token(), Clock.systemUTC());
        this.metrics = new Metrics(subject);
        Figures figures = new Figures(subject.cache(), subject.activity(), subject.address(), subject.upstreamCalls());
        this.events = new Events(figures, subject.activity());
        int connections = connections(subject.cache().admin().memory().limitBytes());
        this.undertow = Undertow.builder()
                .addHttpListener(options.port(), options.host())
                .setIoThreads(IO_THREADS)
                .setWorkerThreads(WORKERS)
                .setServerOption(UndertowOptions.MAX_HEADER_SIZE, MAX_HEADER_BYTES)
                .setServerOption(UndertowOptions.REQUEST_PARSE_TIMEOUT, patienceSeconds * 1000)
                .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, IDLE_MILLIS)
                .setSocketOption(Options.WRITE_TIMEOUT, STALL_MILLIS)
                .setSocketOption(Options.CONNECTION_HIGH_WATER, connections)
                .setSocketOption(Options.CONNECTION_LOW_WATER, connections)
                .setHandler(new Framing(
                        new Gate(sessions, attempts, options, patienceSeconds, routes(options, figures)),
                        (exchange, why) -> Replies.error(exchange, new AdminException(why.status(), why.message()))))
                .build();
    }

    /**
     * The most connections at a time. They bound the memory of heads, because Undertow reports a head only when it is
     * complete.
     */
    static int connections(long budgetBytes) {
        return (int) Math.max(MIN_CONNECTIONS, Math.min(MAX_CONNECTIONS, budgetBytes / PART_OF_BUDGET / HEAD_BYTES));
    }

    private Routes routes(AdminOptions options, Figures figures) {
        Walks walks = new Walks();
        ActivityPages pages = new ActivityPages(subject.activity(), subject.cache(), walks);
        Purge purge = new Purge(subject.cache(), subject.activity(), subject.callers(), walks);
        StoredEntries entries =
                new StoredEntries(subject.cache(), subject.activity(), subject.callers(), walks, options);
        Assets assets = new Assets();
        Probes probe = new Probes(subject.cache(), subject.takesRequests(), subject.isAlive(), null);
        return new Routes(MAX_BODY_BYTES, subject.cache().admin().memory(), probes)
                .probe(Routes.LIVE, (exchange, rest, body) -> probe.alive(exchange))
                .probe(Routes.READY, (exchange, rest, body) -> probe.ready(exchange))
                .probe(Routes.METRICS, (exchange, rest, body) -> metrics.answer(exchange))
                .on(Methods.GET, Routes.API + "stats", (exchange, rest, body) -> {
                    new Parameters(exchange, Set.of());
                    Replies.json(exchange, figures.document());
                })
                .on(Methods.GET, Routes.API + "cassettes", (exchange, rest, body) -> recordings(exchange))
                .on(Methods.GET, Routes.API + "timeseries", (exchange, rest, body) -> series(exchange))
                .on(Methods.GET, Routes.API + "activity", (exchange, rest, body) -> pages.page(exchange))
                .on(Methods.GET, Routes.API + "activity.csv", (exchange, rest, body) -> pages.file(exchange))
                .on(Methods.GET, Routes.API + "activity/", (exchange, rest, body) -> pages.one(exchange, rest))
                .on(Methods.DELETE, Routes.API + "activity/", (exchange, rest, body) -> pages.takeBack(exchange, rest))
                .on(Methods.GET, Routes.API + "summary", (exchange, rest, body) -> pages.summary(exchange))
                .on(Methods.GET, Routes.API + "events", (exchange, rest, body) -> events.listen(exchange))
                .on(Methods.POST, Routes.API + "reload", (exchange, rest, body) -> reload(exchange))
                .on(Methods.POST, Routes.API + "explain", (exchange, rest, body) -> explain(exchange, body))
                .on(Methods.DELETE, Routes.API + "entries", (exchange, rest, body) -> purge.answer(exchange))
                .on(Methods.GET, Routes.API + "entries", (exchange, rest, body) -> entries.page(exchange))
                .on(Methods.GET, Routes.API + "entries/count", (exchange, rest, body) -> purge.count(exchange))
                .on(
                        Methods.POST,
                        Routes.API + "entries/",
                        (exchange, rest, body) -> entries.look(exchange, rest, object(body)))
                .on(Methods.GET, Routes.API + "namespaces", (exchange, rest, body) -> purge.namespaces(exchange))
                .on(Methods.GET, Routes.API + "scopes", (exchange, rest, body) -> purge.scopes(exchange))
                .on(Methods.POST, Routes.LOGIN, (exchange, rest, body) -> login(exchange, body))
                .on(Methods.POST, Routes.API + "logout", (exchange, rest, body) -> {
                    sessions.end(exchange);
                    Replies.json(exchange, Map.of());
                })
                .on(Methods.GET, Routes.UI, (exchange, rest, body) -> {
                    if (rest.startsWith("api/")) {
                        throw AdminException.notFound("There is nothing at " + exchange.getRequestPath() + ".");
                    }
                    assets.answer(exchange, rest);
                })
                .on(Methods.GET, "/admin", (exchange, rest, body) -> redirect(exchange))
                .on(Methods.GET, "/", (exchange, rest, body) -> {
                    if (!rest.isEmpty()) {
                        throw AdminException.notFound("There is nothing at " + exchange.getRequestPath() + ".");
                    }
                    redirect(exchange);
                });
    }

    /**
     * Starts to listen.
     *
     * @throws IOException if the server cannot listen on the address; the message says on which address, and why
     */
    public static AdminServer start(AdminOptions options, Subject subject) throws IOException {
        return start(options, subject, SmallBody.DEADLINE_SECONDS);
    }

    /** @param patienceSeconds the most time that a client may take to send a head, and again a body */
    static AdminServer start(AdminOptions options, Subject subject, int patienceSeconds) throws IOException {
        AdminServer server = new AdminServer(options, subject, patienceSeconds);
        try {
            server.undertow.start();
        } catch (RuntimeException e) {
            server.close();
            Throwable root = e;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            throw new IOException(
                    "Cannot listen on " + options.host() + ":" + options.port() + " for the admin listener: "
                            + root.getMessage()
                            + ". Choose another admin.port or admin.host, or set admin.enabled to false.",
                    e);
        }
        return server;
    }

    /** The bound address, with the real port. */
    public InetSocketAddress address() {
        return (InetSocketAddress) undertow.getListenerInfo().get(0).getAddress();
    }

    /** Where a browser finds the dashboard. */
    public String url() {
        return "http://" + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":"
                + address().getPort() + Routes.UI;
    }

    // ---- small answers

    private void recordings(HttpServerExchange exchange) throws AdminException {
        new Parameters(exchange, Set.of());
        Map<String, Object> facts = subject.recordings().get();
        if (facts.isEmpty()) {
            throw AdminException.notFound("Nothing is recorded or played here: the setting cassettes names no folder.");
        }
        Replies.json(exchange, facts);
    }

    private void series(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, Set.of("range", "since", "until"));
        boolean isFree = parameters.get("since") != null || parameters.get("until") != null;
        ObjectNode document;
        if (isFree) {
            long now = System.currentTimeMillis();
            long since = parameters.time("since", now - TimeSeries.KEPT_MILLIS);
            long until = parameters.time("until", now);
            if (parameters.get("range") != null || since >= until) {
                throw AdminException.badRequest("Give range, or since and a later until.");
            }
            document = Documents.of("own", subject.activity().series(since, until));
        } else {
            TimeSeries.Range range = parameters.range();
            document = Documents.of(
                    range.name().toLowerCase(Locale.ROOT),
                    new TimeSeries.Steps(range.stepSeconds(), subject.activity().series(range)));
        }
        Replies.json(exchange, document.put("currency", subject.activity().currency()));
    }

    private static void redirect(HttpServerExchange exchange) {
        exchange.setStatusCode(StatusCodes.FOUND);
        exchange.getResponseHeaders().put(Headers.LOCATION, Routes.UI);
    }

    private void login(HttpServerExchange exchange, byte[] body) throws AdminException {
        if (!sessions.isTokenSet()) {
            throw AdminException.badRequest("No token is set, so none is needed.");
        }
        attempts.check(exchange);
        if (!sessions.isToken(object(body).path("token").asText())) {
            attempts.failed(exchange);
            throw new AdminException(StatusCodes.UNAUTHORIZED, "That is not the value of " + tokenSetting + ".");
        }
        sessions.begin(exchange);
        Replies.json(exchange, Map.of());
    }

    private void reload(HttpServerExchange exchange) throws AdminException {
        if (subject.reload() == null) {
            throw AdminException.notFound("A program's options are not read from a file that could be read again.");
        }
        Reload.Result result = subject.reload().run();
        if (!result.faults().isEmpty()) {
            exchange.setStatusCode(StatusCodes.UNPROCESSABLE_ENTITY);
            Replies.json(
                    exchange,
                    Map.of(
                            "error",
                            Map.of("message", "Nothing was changed: the settings have faults.", "code", "faults"),
                            "faults",
                            result.faults()));
            return;
        }
        Replies.json(exchange, Map.of("applied", result.applied(), "needs_restart", result.needRestart()));
    }

    private void explain(HttpServerExchange exchange, byte[] body) throws AdminException {
        Replies.json(exchange, subject.explainer().explain(question(object(body))));
    }

    static Question question(ObjectNode asked) throws AdminException {
        String query = "";
        Route route;
        if (asked.path("path").isTextual()) {
            String[] path = asked.path("path").textValue().split("\\?", 2);
            query = path.length == 2 ? path[1] : "";
            route = DotSegments.in(path[0]) ? null : Route.of("POST", path[0]);
            if (route == null || route.endpoint() == null) {
                throw AdminException.badRequest(
                        "path must be one of the four endpoints, such as /v1/chat/completions.");
            }
        } else {
            route = Route.to(Parameters.endpoint(asked.path("endpoint").asText("")));
        }
        Map<String, String> headers = new HashMap<>();
        for (Map.Entry<String, JsonNode> header : asked.path("headers").properties()) {
            if (!header.getKey().matches("[!#$%&'*+.^_`|~0-9A-Za-z-]+")) {
                throw AdminException.badRequest("headers must have names that HTTP allows.");
            }
            headers.put(header.getKey(), header.getValue().asText());
        }
        JsonNode sent = asked.path("body");
        if (sent.isMissingNode() || sent.isNull()) {
            throw AdminException.badRequest("body must be the request's body, as text or as JSON.");
        }
        return new Question(route, query, headers, sent.isTextual() ? sent.textValue() : sent.toString());
    }

    private static ObjectNode object(byte[] body) throws AdminException {
        try {
            if (Replies.JSON.readTree(body) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            // Its message quotes the body, so it is not passed on.
        } catch (IOException e) {
            throw new IllegalStateException("an array has nothing to fail on", e);
        }
        throw AdminException.badRequest("The body must be a JSON object.");
    }

    /** Stops listening. */
    @Override
    public void close() {
        events.close();
        undertow.stop();
        probes.shutdown();
        metrics.close();
    }
}
