package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Locale;

/** The figures as text for people. */
final class Table {
    private static final String[] OUTCOMES = {"hit", "collapsed", "stale", "miss", "bypass", "off", "errors", "total"};
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};
    private static final String UNKNOWN = "-";

    private final StringBuilder text = new StringBuilder();

    private Table() {}

    static String of(JsonNode stats) {
        Table table = new Table();
        table.line(
                "Refrain %s, started %s",
                stats.path("version").asText(), stats.path("started_at").asText());
        table.requests(stats);
        table.savings(stats);
        table.latency(stats.path("latency"));
        table.store(stats);
        table.shared(stats);
        return table.text.toString();
    }

    private void line(String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values).stripTrailing()).append(System.lineSeparator());
    }

    private void requests(JsonNode stats) {
        line("");
        StringBuilder head = new StringBuilder(String.format("%-12s", "requests"));
        for (String outcome : OUTCOMES) {
            head.append(String.format("%10s", outcome));
        }
        line("%s", head);
        stats.path("by_endpoint").forEach(row -> row(row.path("endpoint").asText(), row));
        row("all", stats.path("requests"));
    }

    private void row(String name, JsonNode counts) {
        StringBuilder row = new StringBuilder(String.format("%-12s", name));
        for (String outcome : OUTCOMES) {
            row.append(String.format(Locale.ROOT, "%10d", counts.path(outcome).asLong()));
        }
        line("%s", row);
    }

    private void savings(JsonNode stats) {
        line("");
        JsonNode ratio = stats.path("hit_ratio");
        line(
                "%-16s %s",
                "hit ratio",
                ratio.isNumber() ? String.format(Locale.ROOT, "%.1f %%", ratio.asDouble() * 100) : UNKNOWN);
        line(
                "%-16s %,d (used %,d)",
                "tokens saved",
                stats.path("tokens_saved").asLong(),
                stats.path("tokens_used").asLong());
        line("%-16s %s", "time saved", duration(stats.path("time_saved_ms").asLong()));
        JsonNode money = stats.path("money_saved");
        long unpriced = money.path("unpriced_tokens").asLong();
        line(
                "%-16s %.4f %s%s",
                "money saved",
                money.path("amount").asDouble(),
                money.path("currency").asText(),
                unpriced == 0 ? "" : String.format(Locale.ROOT, " (%,d tokens have no price)", unpriced));
    }

    private void latency(JsonNode latency) {
        line("");
        line("%-12s%10s%10s%10s%10s%10s%10s", "latency, ms", "count", "p50", "p90", "p99", "p99.9", "max");
        for (String kind : new String[] {"hit", "miss"}) {
            JsonNode of = latency.path(kind);
            line(
                    "%-12s%10d%10s%10s%10s%10s%10s",
                    kind,
                    of.path("count").asLong(),
                    millis(of.path("p50_ms")),
                    millis(of.path("p90_ms")),
                    millis(of.path("p99_ms")),
                    millis(of.path("p999_ms")),
                    millis(of.path("max_ms")));
        }
    }

    private void store(JsonNode stats) {
        JsonNode store = stats.path("store");
        line("");
        line(
                "%-16s %,d entries, %s of %s (%s expired)",
                "store",
                store.path("entries").asLong(),
                bytes(store.path("bytes").asLong()),
                bytes(store.path("capacity_bytes").asLong()),
                bytes(store.path("expired_bytes").asLong()));
        line(
                "%-16s %,d evicted, %,d expired, %,d dropped, %,d failures, %,d sweeps",
                "",
                store.path("evictions").asLong(),
                store.path("expirations").asLong(),
                store.path("drops").asLong(),
                store.path("failures").asLong(),
                store.path("sweeps").asLong());
        line(
                "%-16s %d flights, %d calls to providers",
                "now",
                stats.path("flights").asLong(),
                stats.path("upstream_calls").asLong());
        JsonNode log = stats.path("activity");
        line(
                "%-16s %,d requests, %s, %,d dropped",
                "log",
                log.path("records").asLong(),
                bytes(log.path("bytes").asLong()),
                log.path("dropped").asLong());
    }

    private void shared(JsonNode stats) {
        JsonNode tiers = stats.path("tiers");
        line(
                "%-16s %,d local, %,d shared, %,d joined here, %,d joined elsewhere",
                "hits by tier",
                tiers.path("local").asLong(),
                tiers.path("shared").asLong(),
                tiers.path("joined_here").asLong(),
                tiers.path("joined_elsewhere").asLong());
        JsonNode shared = stats.path("shared");
        if (!shared.isObject()) {
            return;
        }
        line(
                "%-16s %s, %s; a lookup takes %s ms",
                "shared tier",
                shared.path("available").asBoolean() ? "available" : "UNAVAILABLE",
                shared.path("connected").asBoolean() ? "hears removals" : "hears no removals",
                millis(shared.path("lookup_ms")));
        line(
                "%-16s %,d found, %,d not found, %,d not answered, %,d not taken, %,d waited for",
                "",
                shared.path("hits").asLong(),
                shared.path("misses").asLong(),
                shared.path("failures").asLong(),
                shared.path("rejects").asLong(),
                shared.path("waits").asLong());
        line(
                "%-16s %,d sent, %,d not; %s received, %s sent",
                "",
                shared.path("stores").asLong(),
                shared.path("stores_lost").asLong(),
                bytes(shared.path("received_bytes").asLong()),
                bytes(shared.path("sent_bytes").asLong()));
    }

    private static String millis(JsonNode number) {
        return number.isNumber() ? String.format(Locale.ROOT, "%.3f", number.asDouble()) : UNKNOWN;
    }

    static String bytes(long count) {
        double value = count;
        int unit = 0;
        while (value >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 ? "%.0f%s" : "%.1f%s", value, UNITS[unit]);
    }

    static String duration(long millis) {
        Duration time = Duration.ofMillis(millis);
        if (time.toHours() > 0) {
            return time.toHours() + "h " + time.toMinutesPart() + "m";
        }
        return time.toMinutes() > 0
                ? time.toMinutes() + "m " + time.toSecondsPart() + "s"
                : String.format(Locale.ROOT, "%.1fs", millis / 1000.0);
    }
}
