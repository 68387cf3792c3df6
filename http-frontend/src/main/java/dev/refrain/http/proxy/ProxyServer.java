package dev.refrain.http.proxy;

import dev.refrain.cassettes.Cassettes;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ModelNames;
import dev.refrain.console.admin.AdminServer;
import dev.refrain.console.admin.Probes;
import dev.refrain.console.admin.Reload;
import dev.refrain.console.explain.Explainer;
import dev.refrain.console.explain.Outlines;
import dev.refrain.console.framing.Framing;
import dev.refrain.console.log.AccessLog;
import dev.refrain.engine.CacheAdmin;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.SettingsSource;
import dev.refrain.http.demo.DemoProvider;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.http.server.Cors;
import dev.refrain.http.server.Listener;
import dev.refrain.http.server.LongBodies;
import dev.refrain.http.server.ServerTls;
import dev.refrain.http.server.SharedPorts;
import dev.refrain.http.server.SlowClients;
import dev.refrain.http.shortcut.Shortcut;
import dev.refrain.http.shortcut.Shortcuts;
import dev.refrain.http.upstream.Provider;
import dev.refrain.http.upstream.UpstreamClient;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.ruleset.Ruleset;
import io.undertow.server.HttpHandler;
import io.undertow.server.handlers.GracefulShutdownHandler;
import io.undertow.server.handlers.HttpContinueReadHandler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;

/** The running front-end: server, upstream client, cache and, where no upstream is set, the demo provider. */
public final class ProxyServer implements AutoCloseable {
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    /** The settings with which the server was started. */
    private final Settings settings;

    private final DemoProvider demo;
    private final ResponseCache cache;
    private final ActivityLog activity;
    /** Null unless calls are recorded, or answered from recordings. */
    private final Cassettes cassettes;

    private final Reloading reloading;
    private final Outlines outlines;
    private final Explainer explainer;
    private final UpstreamClient client;
    private final GracefulShutdownHandler requests;
    private final Shortcuts shortcuts;
    private final LongBodies longBodies = new LongBodies();
    private final HttpHandler root;
    /** Null for HTTP without TLS. */
    private final ServerTls tls;
    /** Null until the server listens. */
    private Listener listener;
    /** Null if it is not enabled, or has been closed. */
    private AdminServer admin;
    /** Whether each request is the last of its connection. */
    private volatile boolean draining;
    /** Whether requests are refused. */
    private volatile boolean stopping;

    private ProxyServer(
            Settings settings,
            SettingsSource source,
            ServerTls tls,
            SSLContext upstreamTls,
            DemoProvider demo,
            ResponseCache cache,
            ActivityLog activity,
            Cassettes cassettes,
            Steps steps) {
        this.settings = settings;
        this.tls = tls;
        this.demo = demo;
        this.cache = cache;
        this.activity = activity;
        this.cassettes = cassettes;
        Callers nobody = Entrances.callers(settings, cache);
        AtomicReference<Ruleset> rules = new AtomicReference<>(Entrances.ruleset(settings, nobody));
        this.outlines =
                new Outlines(settings.explain().requests(), cache.admin().memory());
        SlowClients slowClients = new SlowClients(cache.admin().memory(), System::nanoTime);
        this.client = Entrances.client(settings, upstreamTls, cache.admin().memory(), slowClients::makeRoom);
        Map<Endpoint, Provider> providers = new EnumMap<>(Endpoint.class);
        for (Endpoint endpoint : Endpoint.values()) {
            providers.put(endpoint, provider(settings.upstream(endpoint).orElse(null)));
        }
        ClientLimits writing = new ClientLimits(
                cache.admin().memory(), slowClients, settings.timeouts().write());
        ModelNames models = new ModelNames();
        int maxBody = (int) Math.min(
                cache.admin().maxRequestBytes(), settings.limits().requestBody().bytes());
        shortcuts = new Shortcuts(
                cache,
                request -> steps.key(cache, request),
                activity,
                models,
                maxBody,
                writing,
                settings.timeouts().keepAlive(),
                nobody.fields()::contains,
                client::displace);
        reloading = new Reloading(settings, source, rules, shortcuts, activity, tls, client);
        KeyContexts contexts = new KeyContexts(cache, settings.key().headers(), nobody.fields());
        ClientLimits reading = new ClientLimits(
                cache.admin().memory(), slowClients, settings.timeouts().request());
        ProxyHandler handler = new ProxyHandler(new Parts(
                cache,
                steps,
                activity,
                rules::get,
                contexts,
                outlines,
                models,
                client,
                new Parts.Providers(provider(settings.upstream()), providers),
                cassettes == null ? CallRecorder.NONE : cassettes,
                longBodies,
                new Parts.Limits(
                        settings.limits().requestBody().bytes(),
                        settings.limits().forwardedBody() == null
                                ? Long.MAX_VALUE
                                : settings.limits().forwardedBody().bytes(),
                        settings.cancelsAbandonedCalls(),
                        reading,
                        writing)));
        explainer = new Explainer(
                cache, rules::get, contexts, endpoint -> providers.get(endpoint).identity(), outlines);
        requests = new GracefulShutdownHandler(new HttpContinueReadHandler(handler));
        HttpHandler unlessStopping = exchange -> {
            if (draining) {
                exchange.setPersistent(false);
            }
            if (stopping) {
                handler.refuseWhenRead(exchange, ProxyException.stopping());
            } else {
                requests.handleRequest(exchange);
            }
        };
        HttpHandler probed = settings.probes()
                ? new Probes(cache, this::takesRequests, () -> listener.isAlive(), unlessStopping)
                : unlessStopping;
        Cors cors = settings.corsOrigins() == null
                ? null
                : new Cors(List.of(settings.corsOrigins().split(" *, *")), reading, probed, handler::refuse);
        HttpHandler framed = new Framing(cors == null ? probed : cors, (exchange, why) -> {
            if (cors != null) {
                cors.mark(exchange);
            }
            handler.refuse(exchange, ProxyException.framing(why));
        });
        root = exchange -> {
            Shortcut shortcut = Shortcut.of(exchange);
            shortcut.began(exchange);
            if (shortcut.isCrowded()) {
                handler.refuseWhenRead(exchange, ProxyException.noRoom());
            } else {
                framed.handleRequest(exchange);
            }
        };
    }

    private Provider provider(URI upstream) {
        // The demo provider's port changes with every start. A fixed name in the keys keeps its answers valid.
        return upstream != null ? new Provider(upstream, upstream.toString()) : new Provider(demo.baseUri(), "demo");
    }

    /**
     * Opens the store and starts to listen. If the store cannot be opened, that is logged, nothing is stored, and
     * requests still reach the provider.
     *
     * @throws IOException if it cannot listen on the address; the message names the address and the reason
     */
    public static ProxyServer start(Settings settings) throws IOException {
        return start(settings, () -> settings, server -> {});
    }

    /**
     * Starts a server, and reports as soon as clients can connect, before everything else has been started.
     *
     * @param source reads the settings again for a reload
     * @param listening called on this thread, at most once; the server may be closed from then on
     * @throws IOException if it cannot listen on an address; the server is then closed
     */
    public static ProxyServer start(Settings settings, SettingsSource source, Consumer<ProxyServer> listening)
            throws IOException {
        return start(settings, source, listening, new Steps());
    }

    static ProxyServer start(Settings settings, SettingsSource source, Consumer<ProxyServer> listening, Steps steps)
            throws IOException {
        ServerTls tls = Entrances.tls(settings);
        SSLContext upstreamTls = Entrances.upstreamTls(settings);
        AccessLog access = Entrances.access(settings);
        ResponseCache cache = Store.open(settings);
        Cassettes cassettes = Store.cassettes(settings, cache);
        // Even if each endpoint has an upstream of its own, all other paths need one.
        DemoProvider demo = settings.upstream() == null ? DemoProvider.start() : null;
        ActivityLog activity = Entrances.activity(settings, access);
        ProxyServer server =
                new ProxyServer(settings, source, tls, upstreamTls, demo, cache, activity, cassettes, steps);
        try {
            SharedPorts.share(settings.reusePort());
            server.listen();
        } catch (IOException | RuntimeException e) {
            server.close();
            throw Entrances.cannotListen(settings, e);
        }
        Entrances.warnIfOpen(settings, Entrances.url(settings, server.address().getPort()));
        listening.accept(server);
        try {
            server.startAdmin();
            SharedPorts.share(false);
        } catch (IOException e) {
            server.close();
            throw e;
        }
        return server;
    }

    private void listen() throws IOException {
        listener = Listener.open(
                new InetSocketAddress(InetAddress.getByName(settings.host()), settings.port()),
                settings.timeouts().request(),
                tls,
                Entrances.http2(settings, cache.admin().memory()),
                root,
                connection -> shortcuts.install(connection)::closed);
    }

    private void startAdmin() throws IOException {
        if (settings.admin().enabled()) {
            admin = AdminServer.start(
                    settings.admin().options(),
                    new AdminServer.Subject(
                            cache,
                            activity,
                            reloading::callers,
                            explainer,
                            this::reload,
                            () -> Entrances.url(settings, address().getPort()),
                            this::takesRequests,
                            listener::isAlive,
                            client::inFlight,
                            client.errors().counts(),
                            client.tunnels()::open,
                            client.tunnels().bytes(),
                            () -> Store.recordings(cassettes)));
        }
    }

    /** Reads settings and certificates again; see {@link Reloading}. */
    public Reload.Result reload() {
        return reloading.run();
    }

    /** The address on which the server listens, with its actual port. */
    public InetSocketAddress address() {
        return listener.address();
    }

    /** The address of the admin listener, or null if there is none. */
    public InetSocketAddress adminAddress() {
        return admin == null ? null : admin.address();
    }

    ServerTls tls() {
        return tls;
    }

    /** Calls to providers that have not ended. */
    int callsInFlight() {
        return client.inFlight();
    }

    /** The log of requests. */
    public ActivityLog activity() {
        return activity;
    }

    /** The recordings; null unless a folder for them is set. */
    public Cassettes cassettes() {
        return cassettes;
    }

    /** The cache's counters, those of the shared tier, and the memory budget for data of clients and providers. */
    CacheAdmin cacheAdmin() {
        return cache.admin();
    }

    /** One line for an operator: address, upstream, store and dashboard. */
    public String describe() {
        return "Refrain listens on " + Entrances.url(settings, address().getPort()) + "/v1, "
                + Store.describe(settings, cache) + (admin == null ? "" : ", dashboard " + admin.url());
    }

    private boolean takesRequests() {
        return !draining && !stopping;
    }

    /** Ends the open connections: the next answer on each is the last. Waits until none is left, within the limit. */
    private void drain() {
        if (listener != null && settings.reusePort()) {
            // Accepting ends first, so that clients that connect again reach the process that takes over.
            listener.stopAccepting();
            closeAdmin();
        }
        if (listener != null && !settings.drain().isZero()) {
            draining = true;
            shortcuts.close();
            listener.retire(settings.drain());
            listener.drain(settings.drain());
            listener.retire(Duration.ZERO);
        }
    }

    private void closeAdmin() {
        if (admin != null) {
            admin.close();
            admin = null;
        }
    }

    /**
     * Drains the connections, then stops taking requests, lets those in progress finish within
     * {@code timeouts.shutdown}, then closes the store. Upstream calls whose clients have gone count as in progress:
     * their answers are still to be stored.
     */
    @Override
    public void close() {
        drain();
        Duration limit = settings.timeouts().shutdown();
        long deadline = System.nanoTime() + limit.toNanos();
        stopping = true;
        shortcuts.close();
        requests.shutdown();
        if (listener != null) {
            listener.retire(Duration.ZERO);
            try {
                requests.awaitShutdown(limit.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        while (client.inFlight() + shortcuts.unfinished() > 0
                && System.nanoTime() < deadline
                && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(POLL_NANOS);
        }
        longBodies.close();
        // Calls end before the I/O threads, which tell the clients of the end and release the memory held for them.
        client.close();
        if (listener != null) {
            listener.close();
        }
        closeAdmin();
        outlines.close();
        if (demo != null) {
            demo.close();
        }
        if (cassettes != null) {
            cassettes.close();
        }
        cache.close();
        activity.close();
    }
}
