package dev.refrain.junit5;

import dev.refrain.cassettes.CassetteMode;
import dev.refrain.cassettes.ProxyVariables;
import dev.refrain.cassettes.RunningCassettes;
import dev.refrain.cassettes.Summary;
import dev.refrain.http.RecordingProxy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Starts the proxy for a {@link Cassette} when a test asks for its player, and stops it after the test or its class.
 */
final class CassetteExtension implements ParameterResolver, AfterEachCallback, AfterAllCallback {
    private static final ExtensionContext.Namespace OURS = ExtensionContext.Namespace.create(CassetteExtension.class);
    private static final String MODE_PROPERTY = "refrain.cassette-mode";
    private static final String MODE_VARIABLE = "REFRAIN_CASSETTE_MODE";

    private static final String UPSTREAM_PROPERTY = "refrain.cassette-upstream";

    /** The running proxy of one annotation. */
    private record Playing(CassettePlayer player, RunningCassettes running, int maxAgeDays) {}

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == CassettePlayer.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Optional<Cassette> ofMethod = context.getTestMethod().map(method -> method.getAnnotation(Cassette.class));
        ExtensionContext owner = ofMethod.isPresent() ? context : classContext(context);
        Cassette cassette =
                ofMethod.orElseGet(() -> owner.getRequiredTestClass().getAnnotation(Cassette.class));
        // Keyed by its owner, because a lookup in a store also searches the parents' stores.
        return owner.getStore(OURS)
                .getOrComputeIfAbsent(owner.getUniqueId(), key -> start(cassette, System.getenv()), Playing.class)
                .player();
    }

    /** The context of the class that has the annotation, so that all of its tests, and nested ones, share it. */
    private static ExtensionContext classContext(ExtensionContext context) {
        ExtensionContext found = null;
        for (ExtensionContext each = context; each.getTestClass().isPresent(); ) {
            boolean isClass = each.getTestMethod().isEmpty();
            if (isClass && each.getRequiredTestClass().isAnnotationPresent(Cassette.class)) {
                found = each;
                break;
            }
            Optional<ExtensionContext> parent = each.getParent();
            if (parent.isEmpty()) {
                break;
            }
            each = parent.get();
        }
        if (found == null) {
            throw new ExtensionConfigurationException("There is no @Cassette on the test's method or class.");
        }
        return found;
    }

    static CassetteMode mode(String property, Map<String, String> environment) {
        String said = property != null ? property : environment.get(MODE_VARIABLE);
        if (said == null || said.isEmpty()) {
            return "true".equals(environment.get("CI")) ? CassetteMode.REPLAY : CassetteMode.RECORD_MISSING;
        }
        return Arrays.stream(CassetteMode.values())
                .filter(mode -> mode.id().equals(said))
                .findFirst()
                .orElseThrow(() -> new ExtensionConfigurationException(
                        MODE_PROPERTY + " is " + said + ", and must be record, replay, record-missing or refresh."));
    }

    private static Playing start(Cassette cassette, Map<String, String> environment) {
        CassetteMode mode = mode(System.getProperty(MODE_PROPERTY), environment);
        String upstream = System.getProperty(UPSTREAM_PROPERTY, cassette.upstream());
        Map<String, String> variables = ProxyVariables.ofProxy(
                environment, Path.of(cassette.value()), mode, upstream.isEmpty() ? null : upstream);
        if (cassette.ignore().length > 0) {
            variables.put("REFRAIN_KEY_IGNORE", String.join(",", cassette.ignore()));
        }
        try {
            RunningCassettes running = RecordingProxy.start(List.of(), variables);
            return new Playing(new CassettePlayer(running), running, cassette.maxAgeDays());
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    @Override
    public void afterEach(ExtensionContext context) {
        end(context);
    }

    @Override
    public void afterAll(ExtensionContext context) {
        end(context);
    }

    @SuppressWarnings("SystemOut") // shown with the test run's output
    private static void end(ExtensionContext context) {
        // Removes only what this context owns: the end of a method does not end its class's proxy.
        Playing playing = context.getStore(OURS).remove(context.getUniqueId(), Playing.class);
        if (playing == null) {
            return;
        }
        playing.running().close();
        Summary summary = playing.running()
                .cassettes()
                .summary(playing.maxAgeDays() == 0 ? null : Duration.ofDays(playing.maxAgeDays()));
        report(context, "refrain.missing", summary.missing());
        report(context, "refrain.unused", summary.unused());
        report(context, "refrain.outdated", summary.outdated());
        report(context, "refrain.failed", summary.failures());
        System.err.println(summary);
    }

    private static void report(ExtensionContext context, String name, List<String> lines) {
        if (!lines.isEmpty()) {
            context.publishReportEntry(name, String.join("\n", lines));
        }
    }
}
