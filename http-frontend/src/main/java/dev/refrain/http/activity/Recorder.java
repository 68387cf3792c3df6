package dev.refrain.http.activity;

import dev.refrain.engine.Savings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import org.HdrHistogram.Histogram;

/** Turns accounts into latencies, minutes and records. Guarded by the log's lock. */
final class Recorder {
    /** A batch is read as a whole, so it should be short; and texts are shared within it, so it should not be too short. */
    private static final int BATCH_RECORDS = 1024;

    /** Why answers ended, of the latest that were fetched: hits of theirs ended for the same reason. */
    private static final int REMEMBERED_REASONS = 8192;

    private final Prices prices;
    private final Journal journal;
    private final Histogram hits = Latencies.histogram();
    private final Histogram misses = Latencies.histogram();
    private final Minutes minutes = new Minutes();
    private final RecordCodec codec = new RecordCodec();
    private final Map<String, String> finishReasons = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > REMEMBERED_REASONS;
        }
    };

    private Batch.Builder batch;
    private boolean dirty;
    /** Records of batches that could not be written. */
    private long lost;

    Recorder(Prices prices, Journal journal) {
        this.prices = prices;
        this.journal = journal;
    }

    /** Opens the file, the first time it is called. */
    void open() {
        if (batch == null) {
            journal.open(minutes);
            batch = new Batch.Builder(journal.nextSequence());
        }
    }

    void add(Account account) {
        UsageTap usage = account.usage();
        Savings savings = account.savings();
        boolean cached = account.outcome().isCached();
        long prompt = cached ? 0 : usage == null ? Activity.UNKNOWN : usage.promptTokens();
        long completion = cached ? 0 : usage == null ? Activity.UNKNOWN : usage.completionTokens();
        long millisSaved = account.millisSaved(savings);
        long moneySaved = cached && savings.tokens() > 0 ? prices.nanos(account.model(), savings) : Activity.UNKNOWN;
        long durationMicros = Latencies.bounded(account.durationNanos() / 1000);
        if (account.outcome() == Outcome.HIT) {
            hits.recordValue(durationMicros);
        } else if (account.outcome() == Outcome.MISS) {
            misses.recordValue(durationMicros);
        }
        minutes.at(account.endMillis())
                .add(
                        account.outcome(),
                        account.isError(),
                        durationMicros,
                        savings.tokens(),
                        usage == null ? 0 : usage.tokens(),
                        millisSaved,
                        moneySaved);
        dirty = true;
        if (journal.isOpen()) {
            log(
                    account,
                    prompt,
                    completion,
                    savings.tokens(),
                    millisSaved,
                    moneySaved,
                    cost(account, cached, prompt, completion));
        }
    }

    private long cost(Account account, boolean cached, long prompt, long completion) {
        if (cached) {
            return 0;
        }
        return prompt < 0 || completion < 0 ? Activity.UNKNOWN : prices.nanos(account.model(), prompt, completion);
    }

    private void log(
            Account account,
            long prompt,
            long completion,
            long tokensSaved,
            long millisSaved,
            long moneySaved,
            long cost) {
        codec.add(account, prompt, completion, tokensSaved, millisSaved, moneySaved, cost, finishReason(account));
        batch.add(account.id(), account.endMillis());
        if (codec.records() == BATCH_RECORDS) {
            if (!journal.put(batch.build(), codec.copy())) {
                lost += codec.records();
            }
            long next = batch.first() + codec.records();
            codec.clear();
            batch = new Batch.Builder(next);
        }
    }

    private String finishReason(Account account) {
        String source = account.sourceId();
        if (source != null) {
            return finishReasons.get(source);
        }
        String reason = account.usage() == null ? null : account.usage().finishReason();
        if (reason != null && account.id() != null) {
            finishReasons.put(account.id(), reason);
        }
        return reason;
    }

    /** Writes what is new. */
    void save(long nowMillis) {
        if (dirty) {
            dirty = false;
            if (codec.records() > 0) {
                journal.put(batch.build(), codec.copy());
            }
            minutes.save(journal);
        }
        journal.commit(nowMillis);
    }

    void close(long nowMillis) {
        save(nowMillis);
        journal.close();
    }

    // ---- questions

    /** The latest batch with records before the given one, oldest first; empty if there is none that ended since the given time. */
    List<Activity> batchBefore(long sequence, long sinceMillis) {
        if (codec.records() > 0 && batch.first() < sequence) {
            return RecordCodec.decode(codec.copy(), batch.first());
        }
        return journal.batchBefore(sequence, sinceMillis);
    }

    Optional<Activity> find(String id) {
        Optional<Activity> found = codec.records() > 0 && batch.build().mayHold(id)
                ? RecordCodec.decode(codec.copy(), batch.first()).stream()
                        .filter(activity -> id.equals(activity.id()))
                        .findFirst()
                : Optional.empty();
        return found.isPresent() ? found : journal.find(id);
    }

    Histogram hits() {
        return hits;
    }

    Histogram misses() {
        return misses;
    }

    NavigableMap<Long, byte[]> minutesSince(long minute) {
        return minutes.since(minute);
    }

    Stats.Log logStats(long dropped) {
        return journal.stats(codec.records(), batch == null ? 0 : batch.first(), dropped + lost);
    }
}
