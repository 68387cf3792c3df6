package dev.refrain.cassettes;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The result of a run with a folder of recordings. Immutable.
 *
 * @param mode of the run
 * @param folder path as it was given
 * @param played answers from recordings
 * @param recorded recordings that were written
 * @param changed names of files whose recordings were replaced by different answers
 * @param unchanged fetched answers that were equivalent to their recordings
 * @param missing error messages of refused requests without a recording; the first ones
 * @param missingCount how many such requests there were
 * @param passed reasons why requests went to the provider and were not recorded; the first ones
 * @param failures messages about files that could not be read or written; the first ones
 * @param unused names of files whose recordings no request matched
 * @param outdated names of files whose recordings were played and are older than allowed
 * @param tokens of the played answers
 * @param costNanos cost of the played answers when they were recorded, as their providers stated it or by the
 *     configured prices; in billionths of the currency
 * @param currency name of the currency
 * @param unpricedTokens tokens of played answers whose cost is not known
 * @param oldest age of the oldest recording that was played; zero if none was
 */
public record Summary(
        CassetteMode mode,
        String folder,
        long played,
        long recorded,
        List<String> changed,
        long unchanged,
        List<String> missing,
        long missingCount,
        List<String> passed,
        List<String> failures,
        List<String> unused,
        List<String> outdated,
        long tokens,
        long costNanos,
        String currency,
        long unpricedTokens,
        Duration oldest) {
    private static final int MOST_LINES = 20;

    /** The figures by their names, for a JSON document. */
    public Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("mode", mode.id());
        facts.put("folder", folder);
        facts.put("played", played);
        facts.put("recorded", recorded);
        facts.put("changed", changed);
        facts.put("unchanged", unchanged);
        facts.put("missing_count", missingCount);
        facts.put("missing", missing);
        facts.put("not_recorded", passed);
        facts.put("failed", failures);
        facts.put("unused", unused);
        facts.put("tokens_saved", tokens);
        facts.put("money_saved", BigDecimal.valueOf(costNanos, 9));
        facts.put("currency", currency);
        facts.put("unpriced_tokens", unpricedTokens);
        facts.put("oldest_seconds", oldest.toSeconds());
        facts.put("text", toString());
        return facts;
    }

    /** The figures as lines for people; the last line has no line end. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        text.append("refrain ").append(mode.id()).append(' ').append(folder).append(": ");
        text.append(played).append(" played, ").append(recorded).append(" recorded, ");
        if (mode == CassetteMode.REFRESH) {
            text.append(changed.size()).append(" changed, ").append(unchanged).append(" as before, ");
        }
        text.append(missingCount).append(" missing, ").append(unused.size()).append(" unused");
        text.append(String.format(Locale.ROOT, "; %,d tokens", tokens));
        if (costNanos > 0) {
            text.append(String.format(Locale.ROOT, " and %.6f %s", costNanos / 1e9, currency));
        }
        text.append(" saved");
        if (costNanos > 0 && unpricedTokens > 0) {
            text.append(String.format(Locale.ROOT, " (%,d tokens have no price)", unpricedTokens));
        }
        if (played > 0) {
            text.append("; the oldest recording is ").append(age(oldest)).append(" old");
        }
        list(text, "changed", changed);
        list(text, "missing", missing);
        list(text, "not recorded", passed);
        list(text, "unused", unused);
        list(text, "too old", outdated);
        list(text, "failed", failures);
        return text.toString();
    }

    private static String age(Duration age) {
        if (age.toDays() > 0) {
            return age.toDays() == 1 ? "1 day" : age.toDays() + " days";
        }
        return age.toHours() > 0 ? age.toHours() + " h" : Math.max(0, age.toMinutes()) + " min";
    }

    private static void list(StringBuilder text, String name, List<String> items) {
        for (int i = 0; i < Math.min(MOST_LINES, items.size()); i++) {
            text.append("\n  ").append(name).append(": ").append(items.get(i));
        }
        if (items.size() > MOST_LINES) {
            text.append("\n  ")
                    .append(name)
                    .append(": ")
                    .append(items.size() - MOST_LINES)
                    .append(" more");
        }
    }
}
