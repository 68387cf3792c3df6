package dev.refrain.console.metrics;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.Outcome;
import dev.refrain.console.activity.Stats;
import dev.refrain.engine.exchange.Endpoint;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Binds the figures of a log of requests to a Micrometer registry. Serving a request touches no meter: a scrape reads
 * the log's counters, and the log's thread fills the histograms. Thread-safe; nothing is null.
 */
public final class RequestMetrics implements MeterBinder {
    private static final long FRESH_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** From 0.1 ms, for hits, to five minutes, for reasoning models. */
    private static final Duration[] BUCKETS = Stream.of(
                    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4,
                    6e4, 1.2e5, 3e5)
            .map(millis -> Duration.ofNanos((long) (millis * 1e6)))
            .toArray(Duration[]::new);

    private final ActivityLog activity;
    private Stats latest;
    private long readAt;

    /** Metrics of one log, which the registry keeps reachable as long as it has the meters. */
    public RequestMetrics(ActivityLog activity) {
        this.activity = Objects.requireNonNull(activity, "activity");
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        requests(registry);
        durations(registry);
    }

    /** A snapshot that is kept for half a second, because one scrape reads many meters. */
    private synchronized Stats stats() {
        long now = System.nanoTime();
        if (latest == null || now - readAt > FRESH_NANOS) {
            latest = activity.stats();
            readAt = now;
        }
        return latest;
    }

    private void requests(MeterRegistry registry) {
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
                            "Requests that failed or broke off",
                            s -> s.byEndpoint().get(endpoint).errors())
                    .tag("endpoint", endpoint.id())
                    .register(registry);
        }
        counter("refrain.response", "Bytes of response bodies", Stats::bytes)
                .baseUnit("bytes")
                .register(registry);
        counter("refrain.used.tokens", "Tokens of answers that were fetched", Stats::tokensUsed)
                .register(registry);
        counter("refrain.saved.tokens", "Tokens that hits saved", Stats::tokensSaved)
                .register(registry);
        counter("refrain.unpriced.tokens", "Tokens saved whose model has no configured price", Stats::unpricedTokens)
                .register(registry);
        counter("refrain.saved.time", "Time that hits saved", s -> s.millisSaved() / 1e3)
                .baseUnit("seconds")
                .register(registry);
        counter(
                        "refrain.saved.money",
                        "Money saved by the configured prices",
                        s -> s.moneySaved().doubleValue())
                .tag("currency", activity.currency())
                .register(registry);
        counter(
                        "refrain.activity.dropped",
                        "Requests that the log has dropped",
                        s -> s.log().dropped())
                .register(registry);
        gauge("refrain.activity.records", "Requests in the log", s -> s.log().records())
                .register(registry);
        gauge("refrain.activity.file", "Length of the log's file", s -> s.log().bytes())
                .baseUnit("bytes")
                .register(registry);
    }

    private void durations(MeterRegistry registry) {
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

    private FunctionCounter.Builder<RequestMetrics> counter(
            String name, String description, ToDoubleFunction<Stats> value) {
        return FunctionCounter.builder(name, this, metrics -> value.applyAsDouble(metrics.stats()))
                .description(description);
    }

    private Gauge.Builder<RequestMetrics> gauge(String name, String description, ToDoubleFunction<Stats> value) {
        return Gauge.builder(name, this, metrics -> value.applyAsDouble(metrics.stats()))
                .description(description)
                .strongReference(true);
    }
}
