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
 * The dashboard of a program that wraps its clients. It explains by the options that the clients have. Thread-safe; no
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
     * @param options those of the clients; {@link RefrainOptions.Builder#log} should be the log
     * @param upstreams base URLs of the endpoints' providers, where the options do not say what names them
     * @param name of the program, asked for when it is shown
     * @throws IOException if the port cannot be had
     */
    public static ProgramConsole start(
            AdminOptions listener,
            ResponseCache cache,
            RefrainOptions options,
            ActivityLog log,
            Function<Endpoint, String> upstreams,
            Supplier<String> name)
            throws IOException {
        // Nothing of a program's requests is kept to compare them.
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

    /** Where a browser finds it. */
    public String url() {
        return server.url();
    }

    @Override
    public void close() {
        server.close();
        outlines.close();
    }
}
