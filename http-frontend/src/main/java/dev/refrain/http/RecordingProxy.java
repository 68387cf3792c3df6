package dev.refrain.http;

import dev.refrain.cassettes.RunningCassettes;
import dev.refrain.http.config.Startup;
import dev.refrain.http.proxy.ProxyServer;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Starts proxies that record, or play recordings, inside another program. Stateless. */
public final class RecordingProxy {
    private RecordingProxy() {}

    /** A {@link RunningCassettes.Starter}. The variables must include {@code REFRAIN_CASSETTES}. */
    public static RunningCassettes start(List<String> flags, Map<String, String> variables) throws IOException {
        Startup startup = Startup.parse(flags.toArray(String[]::new), variables);
        if (startup instanceof Startup.Run run) {
            ProxyServer server = ProxyServer.start(run.settings());
            return new RunningCassettes(server.address().getPort(), server.cassettes(), server::close);
        }
        throw new IllegalArgumentException(((Startup.Exit) startup).text());
    }
}
