package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;

import dev.refrain.cassettes.Summary;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.Filter;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.engine.stats.SharedStats;
import dev.refrain.http.config.Startup;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The proxy in this JVM, on its own port. */
final class RunningProxy extends ProxyUnderTest {
    private final ProxyServer server;

    /** Starts a proxy with settings as flags and as environment variables. */
    RunningProxy(Path store, URI upstream, Map<String, String> variables, String... flags) throws IOException {
        this(new Steps(), store, upstream, variables, flags);
    }

    /** The same with steps that a test observes. */
    RunningProxy(Steps steps, Path store, URI upstream, Map<String, String> variables, String... flags)
            throws IOException {
        List<String> arguments =
                new ArrayList<>(List.of("--port", "0", "--store", store.toString(), "--capacity", "32MiB"));
        if (upstream != null) {
            arguments.addAll(List.of("--upstream", upstream.toString()));
        }
        arguments.addAll(List.of(flags));
        Map<String, String> environment = new HashMap<>(variables);
        environment.putIfAbsent("REFRAIN_ADMIN_PORT", "0");
        if (!variables.containsKey("REFRAIN_TLS_CERTIFICATE")) {
            environment.putAll(Wire.variables());
        }
        String[] commandLine = arguments.toArray(String[]::new);
        Startup startup = Startup.parse(commandLine, environment);
        if (!(startup instanceof Startup.Run run)) {
            throw new IllegalArgumentException(startup.toString());
        }
        server =
                ProxyServer.start(run.settings(), () -> Startup.read(commandLine, environment), listening -> {}, steps);
    }

    /** The cache's counters. */
    CacheStats stats() {
        return server.cacheAdmin().stats();
    }

    /** The counters of the shared tier. */
    SharedStats shared() {
        return server.cacheAdmin().shared().orElseThrow();
    }

    /** The summary of recordings. */
    Summary summary() {
        return server.cassettes().summary(null);
    }

    /** The budget for memory that is used because of clients and providers. */
    MemoryBudget memory() {
        return server.cacheAdmin().memory();
    }

    ActivityLog activity() {
        return server.activity();
    }

    /** Waits until the log has that many requests: a request may reach the log after its client has the answer. */
    ActivityLog activity(int count) {
        until(() -> activity().query(Filter.ALL, count, null).data().size() >= count);
        return activity();
    }

    String startLine() {
        return server.describe();
    }

    @Override
    int port() {
        return server.address().getPort();
    }

    @Override
    String scheme() {
        return server.describe().startsWith("Refrain listens on https:") ? "https" : "http";
    }

    /** Checks whether the certificate's files have changed, as the proxy does every few seconds. */
    void renewCertificate() {
        server.tls().renew();
    }

    /** The URI of a resource of the admin listener. */
    URI admin(String path) {
        return URI.create("http://127.0.0.1:" + server.adminAddress().getPort() + path);
    }

    int callsInFlight() {
        return server.callsInFlight();
    }

    @Override
    public void close() {
        server.close();
    }
}
