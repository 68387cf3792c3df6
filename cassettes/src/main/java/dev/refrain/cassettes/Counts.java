package dev.refrain.cassettes;

import dev.refrain.engine.exchange.AnswerFacts;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToLongBiFunction;

/** The figures of a run so far. Thread-safe. */
final class Counts {
    /** At most this many lines of each kind are kept for the summary. */
    private static final int KEPT = 1000;

    private final Set<Path> used = new HashSet<>();
    /** The recordings that were played, each with the time when a provider last gave that answer. */
    private final Map<Path, Instant> ages = new TreeMap<>();

    private final Set<String> changed = new LinkedHashSet<>();
    private final List<String> missing = new ArrayList<>();
    private final Set<String> passed = new LinkedHashSet<>();
    private final List<String> failures = new ArrayList<>();
    private long played;
    private long recorded;
    private long unchanged;
    private long missingCount;
    private long tokens;
    private long costNanos;
    private long unpricedTokens;

    private final ToLongBiFunction<String, AnswerFacts> price;
    private final String currency;

    /** @param price returns the cost of a model's answer in billionths of the currency; negative for an unknown cost */
    Counts(ToLongBiFunction<String, AnswerFacts> price, String currency) {
        this.price = price;
        this.currency = currency;
    }

    synchronized void played(Folder.Entry entry, Recording recording) {
        played++;
        used.add(entry.file());
        AnswerFacts facts = recording.answer().facts();
        long cost = price.applyAsLong(recording.request().model(), facts);
        tokens += facts.tokensOrNone();
        costNanos += Math.max(0, cost);
        unpricedTokens += cost < 0 ? facts.tokensOrNone() : 0;
        ages.put(entry.file(), recording.asOf());
    }

    synchronized void recorded(Folder.Entry entry, boolean hasChanged) {
        recorded++;
        used.add(entry.file());
        if (hasChanged) {
            changed.add(name(entry.file()));
        }
    }

    synchronized void unchanged(Folder.Entry entry) {
        unchanged++;
        used.add(entry.file());
    }

    /** Counts a recording as used although it was not played: the provider has failed again in the recorded way. */
    synchronized void used(Folder.Entry entry) {
        used.add(entry.file());
    }

    synchronized void missing(String message) {
        missingCount++;
        add(missing, message);
    }

    synchronized void passed(String why) {
        if (passed.size() < KEPT) {
            passed.add(why);
        }
    }

    synchronized void failed(String why) {
        add(failures, why);
    }

    private static void add(List<String> list, String line) {
        if (list.size() < KEPT) {
            list.add(line);
        }
    }

    private static String name(Path file) {
        return file.getFileName().toString();
    }

    synchronized Summary summary(CassetteMode mode, Folder folder, Instant now, Duration maxAge) {
        Instant oldest = ages.values().stream().min(Comparator.naturalOrder()).orElse(now);
        List<String> outdated = ages.entrySet().stream()
                .filter(played -> maxAge != null && played.getValue().isBefore(now.minus(maxAge)))
                .map(played -> name(played.getKey()))
                .toList();
        List<String> unused = folder.all().stream()
                .map(Folder.Entry::file)
                .filter(file -> !used.contains(file))
                .map(Counts::name)
                .sorted()
                .toList();
        return new Summary(
                mode,
                folder.path().toString(),
                played,
                recorded,
                List.copyOf(changed),
                unchanged,
                List.copyOf(missing),
                missingCount,
                List.copyOf(passed),
                List.copyOf(failures),
                unused,
                outdated,
                tokens,
                costNanos,
                currency,
                unpricedTokens,
                Duration.between(oldest, now));
    }
}
