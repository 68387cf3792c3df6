package dev.refrain.console.admin;

import dev.refrain.console.log.AccessLog;
import dev.refrain.console.metrics.RequestMetrics;
import dev.refrain.engine.metrics.CacheMetrics;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.function.IntSupplier;

/**
 * {@code /metrics}: all counters, for Prometheus. Serving a request touches no meter: a scrape reads the counters where
 * they are kept.
 */
final class Metrics implements AutoCloseable {
    private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";
    private static final String OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    /**
     * Micrometer's meters whose names break Prometheus's conventions; {@code process_cpu_usage} has the same
     * information.
     */
    private static final Set<String> UNCONVENTIONAL = Set.of("process.cpu.time", "system.cpu.count");

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics gc = new JvmGcMetrics();

    Metrics(AdminServer.Subject subject) {
        registry.config().meterFilter(MeterFilter.deny(id -> UNCONVENTIONAL.contains(id.getName())));
        new CacheMetrics(subject.cache()).bindTo(registry);
        new RequestMetrics(subject.activity()).bindTo(registry);
        upstream(subject);
        if (subject.activity().access() != null) {
            FunctionCounter.builder(
                            "refrain.access.log.dropped", subject.activity().access(), AccessLog::dropped)
                    .description("Lines of the access log that could not be written in time")
                    .register(registry);
        }
        process();
    }

    private void upstream(AdminServer.Subject subject) {
        Gauge.builder("refrain.upstream.calls", subject.upstreamCalls(), IntSupplier::getAsInt)
                .description("Calls to providers that have not ended")
                .strongReference(true)
                .register(registry);
        subject.upstreamErrors()
                .forEach((reason, count) -> FunctionCounter.builder(
                                "refrain.upstream.errors", count, Number::doubleValue)
                        .description("Calls to providers that failed, and answers 429 and 5xx")
                        .tag("reason", reason)
                        .register(registry));
        Gauge.builder("refrain.upstream.websockets", subject.webSockets(), IntSupplier::getAsInt)
                .description("Calls to providers that have become websockets and have not ended")
                .strongReference(true)
                .register(registry);
        subject.webSocketBytes()
                .forEach((direction, count) -> FunctionCounter.builder(
                                "refrain.upstream.websocket.bytes", count, Number::doubleValue)
                        .description("Bytes that have gone over websockets")
                        .tag("direction", direction)
                        .register(registry));
    }

    private void process() {
        Gauge.builder("refrain.build.info", () -> 1)
                .description("Always 1; the version is in the label")
                .tag("version", Figures.version())
                .register(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ClassLoaderMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        gc.bindTo(registry);
    }

    /** Answers in OpenMetrics if the client accepts it, else in Prometheus's own format. */
    void answer(HttpServerExchange exchange) throws IOException {
        String accepted = exchange.getRequestHeaders().getFirst(Headers.ACCEPT);
        String type = accepted != null && accepted.contains("application/openmetrics-text") ? OPEN_METRICS : TEXT;
        ByteArrayOutputStream out = new ByteArrayOutputStream(64 * 1024);
        registry.scrape(out, type);
        Replies.bytes(exchange, type, ByteBuffer.wrap(out.toByteArray()));
    }

    @Override
    public void close() {
        gc.close();
        registry.close();
    }
}
