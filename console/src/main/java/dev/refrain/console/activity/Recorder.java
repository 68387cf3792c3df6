package dev.refrain.console.activity;

import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.function.Predicate;
import org.HdrHistogram.Histogram;

/** Adds ended requests to the latencies, the minutes and the records. Guarded by the log's lock. */
final class Recorder {
    /**
     * Records of a full batch. A batch is read as a whole, so a short batch is faster to read. Its records share their
     * texts, so a long batch takes less space.
     */
    private static final int BATCH_RECORDS = 1024;

    private static final long REOPEN_MILLIS = 60_000;

    private final Journal journal;
    private final Histogram hits = Latencies.histogram();
    private final Histogram misses = Latencies.histogram();
    private final Minutes minutes = new Minutes();
    private final RecordCodec codec = new RecordCodec();
    private Batch.Builder batch;
    private boolean dirty;
    /** When the file was last open, or an opening was last tried, in milliseconds since the epoch. */
    private long openedMillis;
    /** Records that could not be written. */
    private long lost;
    /** Sequence of the first record that the count of lost records does not cover yet. */
    private long countedUntil;

    Recorder(Journal journal) {
        this.journal = journal;
    }

    /** Opens the file, the first time it is called. */
    void open(long nowMillis) {
        if (batch == null) {
            openedMillis = nowMillis;
            journal.open(minutes);
            batch = new Batch.Builder(journal.nextSequence());
        }
    }

    /**
     * Tries to open the file once a minute: the disk may have room again, or the other process may have closed the
     * file.
     */
    private void reopen(long nowMillis) {
        if (journal.isOpen() || !journal.isWanted()) {
            openedMillis = nowMillis;
        } else if (Math.abs(nowMillis - openedMillis) >= REOPEN_MILLIS) {
            openedMillis = nowMillis;
            journal.open(minutes);
            if (journal.isOpen()) {
                long next = batch.first() + codec.records();
                lost += Math.max(0, next - Math.max(batch.first(), journal.nextSequence()));
                codec.clear();
                batch = new Batch.Builder(Math.max(next, journal.nextSequence()));
                countedUntil = batch.first();
            }
        }
    }

    void add(Facts facts) {
        long durationMicros = Latencies.bounded(facts.durationNanos() / 1000);
        minutes.at(facts.endMillis()).add(facts, durationMicros);
        dirty = true;
        if (facts.outcome() == Outcome.HIT) {
            hits.recordValue(durationMicros);
        } else if (facts.outcome() == Outcome.MISS) {
            misses.recordValue(durationMicros);
        }
        if (journal.isOpen()) {
            log(facts);
        } else if (journal.isWanted()) {
            lost++;
        }
    }

    private void log(Facts facts) {
        codec.add(facts);
        batch.add(facts.id(), facts.endMillis());
        if (codec.records() == BATCH_RECORDS) {
            boolean isWritten = journal.put(batch.build(), codec.copy());
            long next = batch.first() + codec.records();
            codec.clear();
            batch = new Batch.Builder(next);
            if (!isWritten) {
                countLost();
            }
        }
    }

    /** Writes the new records and minutes. After a failure the next call tries again. */
    void save(long nowMillis) {
        reopen(nowMillis);
        boolean isWritten = true;
        if (dirty) {
            isWritten = (codec.records() == 0 || journal.put(batch.build(), codec.copy())) && minutes.save(journal);
        }
        isWritten &= journal.commit(nowMillis);
        if (isWritten) {
            dirty = false;
        } else {
            countLost();
        }
    }

    /**
     * A failure has rolled back what was not committed. Counts as lost all records before the growing batch that the
     * file lacks.
     */
    private void countLost() {
        if (journal.isOpen()) {
            lost += Math.max(0, batch.first() - Math.max(journal.nextSequence(), countedUntil));
            countedUntil = batch.first();
        }
    }

    void close(long nowMillis) {
        save(nowMillis);
        journal.close();
    }

    // ---- questions

    /**
     * The latest batch with records before the given one, oldest first; empty if no record in it ended since the given
     * time.
     */
    List<Activity> batchBefore(long sequence, long sinceMillis) {
        if (codec.records() > 0 && batch.first() < sequence) {
            return RecordCodec.decode(codec.copy(), batch.first());
        }
        return journal.batchBefore(sequence, sinceMillis);
    }

    /** The latest request with this id that meets the condition. Some providers give one id to many requests. */
    Optional<Activity> latest(String id, Predicate<Activity> which) {
        if (codec.records() > 0 && batch.build().mayHold(id)) {
            Optional<Activity> found = latest(RecordCodec.decode(codec.copy(), batch.first()), id, which);
            if (found.isPresent()) {
                return found;
            }
        }
        return journal.latest(id, which);
    }

    static Optional<Activity> latest(List<Activity> batch, String id, Predicate<Activity> which) {
        return batch.stream()
                .filter(activity -> id.equals(activity.id()) && which.test(activity))
                .reduce((earlier, later) -> later);
    }

    Histogram hits() {
        return hits;
    }

    Histogram misses() {
        return misses;
    }

    /** See {@link Minutes#rewinds}. */
    long rewinds() {
        return minutes.rewinds();
    }

    NavigableMap<Long, byte[]> minutesSince(long minute) {
        return minutes.since(minute);
    }

    Stats.Log logStats(long dropped) {
        return journal.stats(codec.records(), batch == null ? 0 : batch.first(), dropped + lost);
    }
}
