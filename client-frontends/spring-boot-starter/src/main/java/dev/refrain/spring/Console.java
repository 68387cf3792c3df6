package dev.refrain.spring;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.admin.AdminOptions;
import dev.refrain.console.admin.AdminServer;
import dev.refrain.console.explain.Explainer;
import dev.refrain.console.explain.Outlines;
import dev.refrain.console.explain.Question;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.preset.Presets;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.core.env.Environment;

/** The dashboard on a loopback port of its own. Thread-safe. */
final class Console implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Console.class);
    private static final String LOOPBACK = "127.0.0.1";
    private static final CredentialFields CREDENTIALS =
            new CredentialFields(FieldNames.parse("none"), FieldNames.parse("none"));

    private final Outlines outlines;
    /** Null if its port could not be had. */
    private AdminServer server;

    private Console(Outlines outlines) {
        this.outlines = outlines;
    }

    /** Starts to listen. A port that cannot be had is reported; a second context or program runs without. */
    static Console start(
            RefrainProperties properties,
            RefrainOptions rules,
            ResponseCache cache,
            ActivityLog log,
            Environment settings) {
        Callers callers = new Callers(cache, CREDENTIALS, Map.of());
        KeyContexts contexts = new KeyContexts(
                cache,
                FieldNames.parse(KeyContexts.USUAL_HEADERS + ", x-refrain-namespace, x-refrain-sample"),
                CREDENTIALS);
        Console console = new Console(new Outlines(0, cache.admin().memory()));
        Explainer explainer = new Explainer(
                cache,
                rules,
                new Presets(List.of()),
                callers,
                contexts,
                endpoint -> upstream(properties, settings, endpoint),
                console.outlines,
                question -> completed(question, properties.cache()));
        RefrainProperties.Console options = properties.console();
        try {
            console.server = AdminServer.start(
                    new AdminOptions(LOOPBACK, options.port(), options.token(), "refrain.console.token"),
                    AdminServer.Subject.ofProgram(
                            cache,
                            log,
                            callers,
                            explainer,
                            () -> settings.getProperty("spring.application.name", "this program")));
            LOG.info("The dashboard is on {}", console.server.url());
        } catch (IOException e) {
            // The exception's own words are of the proxy's settings.
            LOG.warn(
                    "There is no dashboard on refrain.console.port={}: {}",
                    options.port(),
                    NestedExceptionUtils.getMostSpecificCause(e).getMessage());
        }
        return console;
    }

    /** What names a provider in the keys of Spring AI's requests. */
    private static String upstream(RefrainProperties properties, Environment settings, Endpoint endpoint) {
        if (properties.cache().upstream() != null) {
            return properties.cache().upstream();
        }
        return endpoint == Endpoint.MESSAGES
                ? settings.getProperty("spring.ai.anthropic.base-url", "https://api.anthropic.com") + "/v1"
                : settings.getProperty("spring.ai.openai.base-url", "https://api.openai.com/v1");
    }

    /** A question with the part of the key that the settings say where it says nothing, as the front-end takes them. */
    private static Question completed(Question asked, RefrainProperties.Cache settings) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.putAll(asked.headers());
        if (settings.namespace() != null) {
            headers.putIfAbsent("X-Refrain-Namespace", settings.namespace());
        }
        if (settings.scope() != null) {
            headers.keySet().removeIf(CREDENTIALS::contains);
            if (!settings.scope().isEmpty()) {
                headers.put("Authorization", "Bearer " + settings.scope());
            }
        }
        return new Question(asked.route(), asked.query(), headers, asked.body());
    }

    /** Where a browser finds it; null if its port could not be had. */
    String url() {
        return server == null ? null : server.url();
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
        outlines.close();
    }
}
