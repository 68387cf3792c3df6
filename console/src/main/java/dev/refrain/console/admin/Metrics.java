package dev.refrain.console.admin;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.Outcome;
import dev.refrain.console.activity.Stats;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.metrics.CacheMetrics;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
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
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * {@code /metrics}: all counters, for Prometheus. Requests use no meter: a scrape reads the counters where they are
 * kept, and the activity log's thread fills the histograms.
 */
final class Metrics implements AutoCloseable {
    private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";
    private static final String OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    /** Micrometer's, with names that Prometheus advises against; {@code process_cpu_usage} says the same. */
    private static final Set<String> UNCONVENTIONAL = Set.of("process.cpu.time", "system.cpu.count");

    private static final long FRESH_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** From a hit's tens of microseconds to the patience of those who wait for reasoning models. */
    private static final Duration[] BUCKETS = Stream.of(
                    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4,
                    6e4, 1.2e5, 3e5)
            .map(millis -> Duration.ofNanos((long) (millis * 1e6)))
            .toArray(Duration[]::new);

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics gc = new JvmGcMetrics();
    private final Supplier<Stats> source;
    private Stats latest;
    private long readAt;

    Metrics(AdminServer.Subject subject) {
        this.source = subject.activity()::stats;
        registry.config().meterFilter(MeterFilter.deny(id -> UNCONVENTIONAL.contains(id.getName())));
        new CacheMetrics(subject.cache()).bindTo(registry);
        requests();
        durations(subject.activity());
        upstream(subject);
        process();
    }

    /** One scrape reads many meters. */
    private synchronized Stats stats() {
        long now = System.nanoTime();
        if (latest == null || now - readAt > FRESH_NANOS) {
            latest = source.get();
            readAt = now;
        }
        return latest;
    }

    private void requests() {
        for (Endpoint endpoint : Endpoint.values()) {
            for (Outcome outcome : Outcome.values()) {
                counter(
                                "refrain.requests",
                                "Requests of the four endpoints",
                                s -> s.byEndpoint().get(endpoint).of(outcome))
                        .tags("endpoint", endpoint.id(), "outcome", outcome.label())
                        .register(registry);
            }
            counter(
                            "refrain.request.errors",
                            "Those of the requests that failed or broke off",
                            s -> s.byEndpoint().get(endpoint).errors())
                    .tag("endpoint", endpoint.id())
                    .register(registry);
        }
        counter("refrain.response", "Bytes of response bodies", Stats::bytes)
                .baseUnit("bytes")
                .register(registry);
        counter("refrain.used.tokens", "Tokens of answers that were fetched", Stats::tokensUsed)
                .register(registry);
        counter("refrain.saved.tokens", "Tokens that repeated answers had cost", Stats::tokensSaved)
                .register(registry);
        counter("refrain.unpriced.tokens", "Tokens saved whose model has no configured price", Stats::unpricedTokens)
                .register(registry);
        counter("refrain.saved.time", "Time that repeated answers would have taken longer", s -> s.millisSaved() / 1e3)
                .baseUnit("seconds")
                .register(registry);
        counter(
                        "refrain.saved.money",
                        "Money saved by the configured prices",
                        s -> s.moneySaved().doubleValue())
                .tag("currency", source.get().currency())
                .register(registry);
        counter(
                        "refrain.activity.dropped",
                        "Requests that the log did not get",
                        s -> s.log().dropped())
                .register(registry);
        gauge("refrain.activity.records", "Requests in the log", s -> s.log().records())
                .register(registry);
        gauge("refrain.activity.file", "Length of the log's file", s -> s.log().bytes())
                .baseUnit("bytes")
                .register(registry);
    }

    private void durations(ActivityLog activity) {
        Map<Endpoint, Map<Outcome, Timer>> timers = new EnumMap<>(Endpoint.class);
        for (Endpoint endpoint : Endpoint.values()) {
            Map<Outcome, Timer> byOutcome = new EnumMap<>(Outcome.class);
            for (Outcome outcome : Outcome.values()) {
                byOutcome.put(
                        outcome,
                        Timer.builder("refrain.request.duration")
                                .description("From a request's head to the last byte of its response")
                                .tags("endpoint", endpoint.id(), "outcome", outcome.label())
                                .serviceLevelObjectives(BUCKETS)
                                .register(registry));
            }
            timers.put(endpoint, byOutcome);
        }
        activity.listen(
                (endpoint, outcome, nanos) -> timers.get(endpoint).get(outcome).record(nanos, TimeUnit.NANOSECONDS));
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

    private FunctionCounter.Builder<Metrics> counter(String name, String description, ToDoubleFunction<Stats> value) {
        return FunctionCounter.builder(name, this, metrics -> value.applyAsDouble(metrics.stats()))
                .description(description);
    }

    private Gauge.Builder<Metrics> gauge(String name, String description, ToDoubleFunction<Stats> value) {
        return Gauge.builder(name, this, metrics -> value.applyAsDouble(metrics.stats()))
                .description(description)
                .strongReference(true);
    }

    /** In OpenMetrics where that is asked for, else in Prometheus's own format. */
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
