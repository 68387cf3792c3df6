package dev.refrain.console.admin;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.explain.Explainer;
import dev.refrain.console.explain.Outlines;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.client.ClientKeys;
import dev.refrain.semantics.client.RefrainOptions;
import java.io.IOException;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The dashboard of a program that wraps its clients. Its explanations follow the clients' options. Thread-safe; no
 * parameter is null.
 */
public final class ProgramConsole implements AutoCloseable {
    private final Outlines outlines;
    private final AdminServer server;

    private ProgramConsole(Outlines outlines, AdminServer server) {
        this.outlines = outlines;
        this.server = server;
    }

    /**
     * Starts to listen.
     *
     * @param options of the clients; their {@link RefrainOptions.Builder#log} should be {@code log}
     * @param upstreams base URLs of the endpoints' providers, for endpoints whose provider the options do not name
     * @param name of the program; read whenever it is shown
     * @throws IOException if the listener cannot be bound
     */
    public static ProgramConsole start(
            AdminOptions listener,
            ResponseCache cache,
            RefrainOptions options,
            ActivityLog log,
            Function<Endpoint, String> upstreams,
            Supplier<String> name)
            throws IOException {
        // A program's requests are not recorded for comparison.
        Outlines outlines = new Outlines(0, cache.admin().memory());
        Explainer explainer = new Explainer(cache, options, upstreams, outlines);
        try {
            ClientKeys keys = new ClientKeys(cache, options);
            return new ProgramConsole(
                    outlines,
                    AdminServer.start(
                            listener, AdminServer.Subject.ofProgram(cache, log, keys.callers(), explainer, name)));
        } catch (IOException | RuntimeException e) {
            outlines.close();
            throw e;
        }
    }

    /** The dashboard's URL. */
    public String url() {
        return server.url();
    }

    @Override
    public void close() {
        server.close();
        outlines.close();
    }
}
