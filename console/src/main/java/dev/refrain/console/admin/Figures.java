package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.stats.SharedStats;
import java.util.Optional;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/** Gathers all figures, for one request or for all listeners of the events. */
final class Figures {
    private final ResponseCache cache;
    private final ActivityLog activity;
    private final Supplier<String> address;
    private final IntSupplier upstreamCalls;

    Figures(ResponseCache cache, ActivityLog activity, Supplier<String> address, IntSupplier upstreamCalls) {
        this.cache = cache;
        this.activity = activity;
        this.address = address;
        this.upstreamCalls = upstreamCalls;
    }

    static String version() {
        return Optional.ofNullable(Figures.class.getPackage().getImplementationVersion())
                .orElse("development build");
    }

    ObjectNode document() {
        ObjectNode all = Documents.of(
                activity.stats(),
                cache.admin().stats().store(),
                cache.admin().joinableFlights(),
                upstreamCalls.getAsInt(),
                version(),
                address.get());
        SharedStats shared = cache.admin().shared().orElse(null);
        all.set("tiers", Documents.tiers(cache.admin().stats(), shared));
        all.set("shared", shared == null ? null : Documents.of(shared));
        return all;
    }
}
