package dev.refrain.spring;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.admin.AdminOptions;
import dev.refrain.console.admin.ProgramConsole;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.client.RefrainOptions;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.core.env.Environment;

/**
 * The dashboard on a loopback port of its own.
 *
 * @param server null if its port could not be bound
 */
record Console(ProgramConsole server) implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Console.class);

    /**
     * Starts to listen. If the port cannot be bound, for instance by a second context or program, a warning is logged.
     */
    static Console start(
            RefrainProperties.Console properties,
            RefrainOptions options,
            ResponseCache cache,
            ActivityLog log,
            Environment settings) {
        try {
            ProgramConsole server = ProgramConsole.start(
                    new AdminOptions(
                            "127.0.0.1",
                            properties.port(),
                            properties.token(),
                            "refrain.console.token",
                            properties.content()),
                    cache,
                    options,
                    log,
                    endpoint -> baseUrl(settings, endpoint),
                    () -> settings.getProperty("spring.application.name", "this program"));
            LOG.info("The dashboard is on {}", server.url());
            return new Console(server);
        } catch (IOException e) {
            // The message of the exception itself names settings of the proxy.
            LOG.warn(
                    "There is no dashboard on refrain.console.port={}: {}. "
                            + "If the port is taken, choose another one and restart",
                    properties.port(),
                    NestedExceptionUtils.getMostSpecificCause(e).getMessage());
            return new Console(null);
        }
    }

    /** The base URL that identifies a provider in the keys of Spring AI's requests. */
    private static String baseUrl(Environment settings, Endpoint endpoint) {
        return endpoint == Endpoint.MESSAGES
                ? settings.getProperty("spring.ai.anthropic.base-url", "https://api.anthropic.com") + "/v1"
                : settings.getProperty("spring.ai.openai.base-url", "https://api.openai.com/v1");
    }

    /** The dashboard's URL; null if its port could not be bound. */
    String url() {
        return server == null ? null : server.url();
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
