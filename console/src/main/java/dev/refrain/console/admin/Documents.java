package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Reach;
import dev.refrain.console.activity.Stats;
import dev.refrain.console.activity.Summary;
import dev.refrain.console.activity.TimeSeries;
import dev.refrain.console.explain.Times;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.StoreStats;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.engine.stats.SharedStats;
import java.util.List;

/** Makes the JSON documents: times in ISO 8601, durations in milliseconds, null for what is not known. */
final class Documents {
    private static final double MICROS_PER_MILLI = 1000;
    private static final double NANOS_PER_MILLI = 1_000_000;

    private Documents() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static ObjectNode of(Activity activity) {
        ObjectNode node = object();
        node.put("id", activity.id());
        node.put("created_at", Times.iso(activity.createdAtMillis()));
        node.put("endpoint", activity.endpoint().id());
        node.put("model", activity.model());
        node.put("preset", activity.preset());
        node.put("scope", activity.scope());
        node.put("streamed", activity.streamed());
        node.put("status", activity.status());
        node.put("cache", activity.outcome().label());
        node.put("reason", activity.reason());
        node.put("source_id", activity.sourceId());
        node.put("key", activity.key());
        node.put("number", activity.sequence());
        node.put("duration_ms", activity.durationMicros() / MICROS_PER_MILLI);
        node.put("bytes", activity.bytes());
        node.put("tokens_prompt", known(activity.promptTokens()));
        node.put("tokens_completion", known(activity.completionTokens()));
        node.put("tokens_saved", known(activity.tokensSaved()));
        node.put("time_saved_ms", known(activity.millisSaved()));
        node.put("money_saved", activity.moneySaved());
        node.put("cost", activity.cost());
        node.put("finish_reason", activity.finishReason());
        node.put("policy", activity.policy());
        node.put("namespace", activity.namespace());
        node.put("request_id", activity.requestId());
        return node;
    }

    static ObjectNode of(List<Activity> activities) {
        ObjectNode node = object();
        ArrayNode data = node.putArray("data");
        activities.forEach(activity -> data.add(of(activity)));
        return node;
    }

    /** Figures of the log in groups. */
    static ObjectNode of(Summary.By by, Summary summary) {
        ObjectNode node = object();
        node.put("by", by.label());
        ArrayNode data = node.putArray("data");
        summary.groups()
                .forEach(group -> data.addObject().put("name", group.name()).setAll(of(group)));
        node.put("groups", summary.count());
        node.set("total", of(summary.total()));
        node.set("others", summary.others() == null ? null : of(summary.others()));
        Reach reach = summary.reach();
        node.put("complete", reach.complete());
        node.put("records", reach.records());
        node.put("oldest_at", reach.records() == 0 ? null : Times.iso(reach.oldestMillis()));
        return node;
    }

    private static ObjectNode of(Summary.Group group) {
        ObjectNode node = object();
        node.set("requests", of(group.requests()));
        return node.put("hit_ratio", group.requests().hitRatio())
                .put("tokens_used", group.tokensUsed())
                .put("tokens_saved", group.tokensSaved())
                .put("time_saved_ms", group.millisSaved())
                .put("money_spent", group.spent())
                .put("money_saved", group.saved())
                .put("unpriced_tokens", group.unpricedTokens())
                .put("bytes", group.bytes());
    }

    private static Long known(long number) {
        return number == Activity.UNKNOWN ? null : number;
    }

    /** All figures since the start. */
    static ObjectNode of(
            Stats stats, StoreStats store, int flights, int upstreamCalls, String version, String address) {
        ObjectNode node = object();
        node.put("started_at", Times.iso(stats.startedAt()));
        node.put("version", version);
        node.put("address", address);
        node.set("requests", of(stats.requests()));
        for (Endpoint endpoint : Endpoint.values()) {
            ObjectNode counts = node.withArray("by_endpoint").addObject();
            counts.put("endpoint", endpoint.id());
            counts.setAll(of(stats.byEndpoint().get(endpoint)));
        }
        node.put("hit_ratio", stats.requests().hitRatio());
        node.put("bytes", stats.bytes());
        node.put("tokens_saved", stats.tokensSaved());
        node.put("tokens_used", stats.tokensUsed());
        node.put("time_saved_ms", stats.millisSaved());
        node.putObject("money_saved")
                .put("amount", stats.moneySaved())
                .put("currency", stats.currency())
                .put("spent", stats.moneySpent())
                .put("unpriced_tokens", stats.unpricedTokens());
        ObjectNode latency = node.putObject("latency");
        latency.set("hit", of(stats.hit()));
        latency.set("miss", of(stats.miss()));
        node.set("store", of(store));
        node.put("flights", flights);
        node.put("upstream_calls", upstreamCalls);
        node.putObject("activity")
                .put("records", stats.log().records())
                .put("bytes", stats.log().bytes())
                .put("dropped", stats.log().dropped())
                .put("oldest_at", Times.iso(stats.log().oldestAt()));
        return node;
    }

    private static ObjectNode of(Stats.Counts counts) {
        return object().put("total", counts.total())
                .put("hit", counts.hit())
                .put("collapsed", counts.collapsed())
                .put("stale", counts.stale())
                .put("miss", counts.miss())
                .put("bypass", counts.bypass())
                .put("off", counts.off())
                .put("errors", counts.errors());
    }

    private static ObjectNode of(Stats.Latency latency) {
        boolean any = latency.count() > 0;
        return object().put("count", latency.count())
                .put("p50_ms", any ? latency.p50() : null)
                .put("p90_ms", any ? latency.p90() : null)
                .put("p99_ms", any ? latency.p99() : null)
                .put("p999_ms", any ? latency.p999() : null)
                .put("max_ms", any ? latency.max() : null);
    }

    private static ObjectNode of(StoreStats store) {
        StoreStats.Details details = store.details();
        return object().put("entries", store.entries())
                .put("bytes", store.bytes())
                .put("capacity_bytes", store.capacityBytes())
                .put("expired_bytes", details.expiredBytes())
                .put("free_bytes", details.freeBytes())
                .put("evictions", store.evictions())
                .put("expirations", store.expirations())
                .put("drops", store.drops())
                .put("failures", store.failures())
                .put("sweeps", details.sweeps())
                .put("overhead_per_entry", details.overheadBytes());
    }

    /** Counts answers that cost nothing by their source: a store here or in the shared tier, or a call under way. */
    static ObjectNode tiers(CacheStats stats, SharedStats shared) {
        return object().put("local", stats.hits())
                .put("shared", shared == null ? 0 : shared.hits())
                .put("joined_here", stats.collapsed())
                .put("joined_elsewhere", shared == null ? 0 : shared.joins());
    }

    /** Figures of the shared tier. The time of a lookup is the mean over all answered lookups. */
    static ObjectNode of(SharedStats shared) {
        long answered = shared.hits() + shared.misses() + shared.rejects();
        return object().put("available", shared.isAvailable())
                .put("connected", shared.isConnected())
                .put("hits", shared.hits())
                .put("misses", shared.misses())
                .put("failures", shared.failures())
                .put("rejects", shared.rejects())
                .put("lookup_ms", answered == 0 ? null : shared.lookupNanos() / NANOS_PER_MILLI / answered)
                .put("stores", shared.stores())
                .put("stores_lost", shared.storesLost())
                .put("waits", shared.waits())
                .put("joins", shared.joins())
                .put("received_bytes", shared.receivedBytes() + shared.readBytes())
                .put("sent_bytes", shared.sentBytes() + shared.appendedBytes());
    }

    static ObjectNode of(String range, TimeSeries.Steps series) {
        ObjectNode node = object();
        node.put("range", range);
        node.put("step_seconds", series.stepSeconds());
        ArrayNode points = node.putArray("points");
        series.points().forEach(point -> points.add(of(point)));
        return node;
    }

    static ObjectNode of(TimeSeries.Point point) {
        ObjectNode node = object();
        node.put("t", point.epochSeconds());
        node.setAll((ObjectNode) of(point.requests()).without("total"));
        return node.put("tokens_saved", point.tokensSaved())
                .put("tokens_used", point.tokensUsed())
                .put("time_saved_ms", point.millisSaved())
                .put("money_saved", point.moneySaved())
                .put("money_spent", point.moneySpent())
                .put("hit_p50_ms", point.hitP50())
                .put("hit_p99_ms", point.hitP99())
                .put("miss_p50_ms", point.missP50())
                .put("miss_p99_ms", point.missP99());
    }
}
