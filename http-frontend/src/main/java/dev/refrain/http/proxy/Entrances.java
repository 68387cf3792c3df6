package dev.refrain.http.proxy;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.log.AccessLog;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http.config.AccessSettings;
import dev.refrain.http.config.LogSettings;
import dev.refrain.http.config.ProxySettings;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.TimeoutSettings;
import dev.refrain.http.config.TlsSettings;
import dev.refrain.http.config.UpstreamTlsSettings;
import dev.refrain.http.server.ServerTls;
import dev.refrain.http.upstream.ProxyRules;
import dev.refrain.http.upstream.UpstreamClient;
import dev.refrain.http.upstream.UpstreamOptions;
import dev.refrain.http2.Http2Listener;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.caller.RequestRates;
import dev.refrain.semantics.preset.Presets;
import dev.refrain.semantics.ruleset.Ruleset;
import dev.refrain.semantics.tls.TlsFiles;
import dev.refrain.telemetry.Traces;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntConsumer;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.ChannelListener;
import org.xnio.StreamConnection;

/**
 * Makes the outer parts of the server from the settings: TLS, HTTP/2, the upstream client, callers and logs. Stateless.
 */
final class Entrances {
    private static final Logger LOG = LoggerFactory.getLogger(Entrances.class);

    private Entrances() {}

    /** TLS to clients; null for HTTP without it. */
    static ServerTls tls(Settings settings) throws IOException {
        TlsSettings files = settings.tls();
        return files.certificate() == null
                ? null
                : new ServerTls(files.certificate(), files.key(), files.clientCaFile());
    }

    /** HTTP/2 to clients, in front of a listener for HTTP/1.1; null for HTTP/1.1 alone. */
    static Function<ChannelListener<StreamConnection>, Http2Listener> http2(Settings settings, MemoryBudget memory) {
        return settings.http2()
                ? http1 -> new Http2Listener(memory, settings.timeouts().keepAlive(), http1)
                : null;
    }

    /** TLS to providers; null for the JVM's default. */
    static SSLContext upstreamTls(Settings settings) throws IOException {
        UpstreamTlsSettings files = settings.upstreamTls();
        return files.caFile() == null && files.clientCertificate() == null
                ? null
                : TlsFiles.context(files.caFile(), files.clientCertificate(), files.clientKey());
    }

    /**
     * The client that calls providers.
     *
     * @param tls null for the JVM's default
     * @param makeRoom cuts off the clients for which the proxy has waited longest, up to the given number, if memory is
     *     tight; called every second, and more often while calls wait for memory
     */
    static UpstreamClient client(Settings settings, SSLContext tls, MemoryBudget memory, IntConsumer makeRoom) {
        ProxySettings proxy = settings.proxy();
        TimeoutSettings timeouts = settings.timeouts();
        return new UpstreamClient(
                new UpstreamOptions(
                        new UpstreamOptions.Timeouts(
                                timeouts.connect(),
                                timeouts.response(),
                                timeouts.idle(),
                                timeouts.tunnelIdle(),
                                timeouts.upstreamKeepAlive()),
                        settings.limits().upstreamCalls(),
                        new ProxyRules(proxy.http(), proxy.https(), proxy.direct() == null ? "" : proxy.direct()),
                        tls,
                        settings.upstreamHttp2()),
                memory,
                makeRoom);
    }

    /** Tells callers apart and limits their rates. {@link #ruleset} adds names, teams and allowed keys. */
    static Callers callers(Settings settings, ResponseCache cache) {
        Callers callers = new Callers(cache, settings.key().credentialFields(), Map.of());
        AccessSettings access = settings.access();
        return access.requestsPerSecond() == null
                ? callers
                : callers.with(new RequestRates(access.requestsPerSecond(), access.requestsAtOnce(), System::nanoTime));
    }

    /** The settings that may change while requests are served. */
    static Ruleset ruleset(Settings settings, Callers before) {
        return new Ruleset(
                before.with(
                        settings.labelsByKey(),
                        settings.teamsByKey(),
                        settings.access().allowed()),
                settings.rules(),
                new Presets(settings.presetDefinitions()));
    }

    /** The URL at which clients reach the server. */
    static String url(Settings settings, int port) {
        String host = settings.host();
        return (settings.tls().certificate() == null ? "http://" : "https://")
                + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }

    static IOException cannotListen(Settings settings, Exception why) {
        Throwable root = why;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return new IOException(
                "Cannot listen on " + settings.host() + ":" + settings.port() + ": " + root.getMessage()
                        + ". Choose another --host or --port.",
                why);
    }

    /** Opens the access log; null if none is configured. */
    static AccessLog access(Settings settings) throws IOException {
        LogSettings log = settings.log();
        return log.access() == null ? null : AccessLog.open(log.access(), log.format());
    }

    /**
     * The log of requests.
     *
     * @param access receives a record of each of these requests, and is closed with the log; or null
     */
    static ActivityLog activity(Settings settings, AccessLog access) {
        ActivityLog log = ActivityLog.open(settings.activityOptions(), Clock.systemUTC());
        log.access(access);
        log.traces(Traces.ofThisProcess().orElse(null));
        return log;
    }

    /**
     * Warns if the server is open to the network, and strangers may use it or data crosses the network in the clear.
     */
    static void warnIfOpen(Settings settings, String url) throws IOException {
        List<String> open = new ArrayList<>();
        if (settings.access().allowed().isEmpty()) {
            open.add("Whoever reaches it can use it: set access.keys.");
        }
        if (settings.tls().certificate() == null) {
            open.add("API keys and prompts cross the network in the clear: set tls.certificate and tls.key.");
        }
        if (!open.isEmpty() && !InetAddress.getByName(settings.host()).isLoopbackAddress()) {
            LOG.warn("{} is open to the network. {}", url, String.join(" ", open));
        }
    }
}
