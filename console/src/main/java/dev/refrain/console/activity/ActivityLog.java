package dev.refrain.console.activity;

import dev.refrain.console.log.AccessLog;
import dev.refrain.console.log.AccessRecord;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.client.RequestLog;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The record of all requests: counters since the start, a time series, and a log of the latest requests on disk.
 *
 * <p>Requests hand over their facts through a bounded queue and never wait. A thread of the log empties the queue a few
 * times a second, and each query empties it first, so that a query finds every request that ended before. One lock
 * guards everything behind the queue. A request that finds the queue full is counted, but is missing from the log and
 * the time series. Thread-safe.
 *
 * <p>Long, since all queries of the log are here, and each has to empty the queue first.
 */
public final class ActivityLog implements RequestLog, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ActivityLog.class);

    private static final long DRAIN_NANOS = 100_000_000L;
    /**
     * Interval at which the queue is emptied under load: short, so that the queue is still in a processor's cache when
     * it is read.
     */
    private static final long LOADED_DRAIN_NANOS = 10_000_000L;

    private static final int LOADED = 64;
    private static final long SAVE_MILLIS = 1000;

    /**
     * The most records that one query reads. A page may therefore be shorter than its limit; the next page continues.
     */
    private static final int MAX_LOOKED_AT = 512 * 1024;

    private static final long MAX_WALK_NANOS = 3_000_000_000L;

    /** Limit of the length of a page, in records. */
    public static final int MAX_LIMIT = 1000;

    /**
     * Records, newest first.
     *
     * @param next where the next page begins, or null if there is none
     * @param complete whether the query read every part of the log that may hold matching requests; if not, its time
     *     ran out
     */
    public record Page(List<Activity> data, String next, boolean complete) {}

    /**
     * Records after a given one, oldest first.
     *
     * @param sequence of the latest record in the log, from which the next call continues
     */
    public record Tail(List<Activity> data, long sequence) {}

    /**
     * Names that the log knows, for showing entries, which have only tags.
     *
     * @param labels of API keys by the sixteen digits of their tags
     * @param models names of models, at most 2,000
     */
    public record Names(Map<String, String> labels, Set<String> models) {
        /** Limit of the number of models: about 1 MiB, at up to 300 characters each. */
        private static final int MOST_MODELS = 2000;
    }

    /**
     * Tags of scopes, sixteen digits each.
     *
     * @param complete whether the whole log was searched for them
     */
    public record Tags(Set<String> tags, boolean complete) {}

    /** Called for each request after it has ended, except dropped ones, on the thread that empties the queue. */
    public interface Listener {
        /** Must be fast and not throw. */
        void ended(Endpoint endpoint, Outcome outcome, long durationNanos);
    }

    private final Clock clock;
    private final String currency;
    private volatile Prices prices;
    /** The access log; null if there is none. */
    private volatile AccessLog access;
    /** The source of traces; null unless traces are recorded. */
    private volatile RequestTrace.Source traces;

    private final Totals totals = new Totals();
    private final Instant startedAt;
    private final FactsQueue queue = new FactsQueue();
    private final ModelNames models = new ModelNames();
    private final LabelNames labels = new LabelNames();
    private final LongAdder dropped = new LongAdder();
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();

    /**
     * Fair: a walk takes the lock once for each batch, and an unfair lock would let it overtake other queries many
     * times.
     */
    private final ReentrantLock lock = new ReentrantLock(true);
    // Guarded by the lock.
    private final Recorder recorder;

    private final Minutes.Steps steps = new Minutes.Steps();
    private final Thread writer;
    private volatile boolean closed;

    private ActivityLog(ActivityOptions options, Clock clock) {
        this.clock = clock;
        this.startedAt = clock.instant();
        this.currency = options.currency();
        this.prices = new Prices(options.prices());
        this.recorder = new Recorder(new Journal(options));
        this.writer = new Thread(this::write, "refrain-activity");
        writer.setDaemon(true);
    }

    /**
     * Begins to count, and to log unless the options turn that off. If the file cannot be used, a warning is logged,
     * and requests are only counted.
     *
     * @param clock tells when requests ended
     */
    public static ActivityLog open(ActivityOptions options, Clock clock) {
        ActivityLog log = new ActivityLog(options, clock);
        log.writer.start();
        return log;
    }

    // ---- for requests

    /** Opens the account of a request that has come. */
    public Account begin(Endpoint endpoint) {
        return new Account(this, endpoint, nanoTime(), prices);
    }

    /** Opens the account of a request of a program in this JVM, whose front-end was given this log. */
    @Override
    public Account begin(Endpoint endpoint, Caller caller) {
        Account account = begin(endpoint);
        account.caller(caller);
        return account;
    }

    /** Names of models for requests that do not come through the proxy; the proxy has its own. */
    ModelNames models() {
        return models;
    }

    /** Adds a listener. */
    public void listen(Listener listener) {
        listeners.add(listener);
    }

    long nanoTime() {
        return System.nanoTime();
    }

    long millis() {
        return clock.millis();
    }

    /** Gives each ended request to an access log, too. Closing this log closes the access log. */
    public void access(AccessLog also) {
        access = also;
    }

    /** The access log; null if there is none. */
    public AccessLog access() {
        return access;
    }

    /** Sets the source of traces, from which the front-end begins a trace for each request. */
    public void traces(RequestTrace.Source source) {
        traces = source;
    }

    /** The source of traces; null unless traces are recorded. */
    public RequestTrace.Source traces() {
        return traces;
    }

    /** Replaces the prices. Requests that have come already keep the old ones. */
    public void prices(List<ModelPrice> next) {
        prices = new Prices(next);
    }

    /** The cost of the stored answer when it was fetched, as text with the currency; null if it is not known. */
    String cost(Prices by, String model, Savings savings) {
        long nanos = by.nanos(model, savings.answer());
        return nanos == Activity.UNKNOWN ? null : Prices.text(nanos) + " " + currency;
    }

    /** Gives a request to the access log, once its client has the answer. */
    void served(Account account) {
        AccessLog also = access;
        if (also != null) {
            also.add(new AccessRecord(
                    account.origin(),
                    account.endMillis(),
                    account.durationNanos(),
                    account.status(),
                    account.bytes(),
                    account.outcome().label(),
                    account.model(),
                    account.caller() == null ? null : account.caller().label(),
                    account.key(),
                    account.id(),
                    account.requestId()));
        }
    }

    void closed(Account account) {
        Cost cost = Cost.of(account, account.prices);
        totals.add(account, cost);
        if (closed || !queue.offer(account, cost)) {
            dropped.increment();
        }
    }

    // ---- questions; they may read from the disk

    /**
     * Looks for requests, newest first.
     *
     * @param limit length of the page, 1 to {@link #MAX_LIMIT}
     * @param cursor {@link Page#next} of the page before, or null for the first
     * @throws IllegalArgumentException if the text is no cursor
     */
    public Page query(Filter filter, int limit, String cursor) {
        long before = cursor == null ? Long.MAX_VALUE : parse(cursor);
        int wanted = Math.max(1, Math.min(limit, MAX_LIMIT));
        List<Activity> found = new ArrayList<>();
        int lookedAt = 0;
        while (lookedAt < MAX_LOOKED_AT) {
            List<Activity> batch = batchBefore(before, filter.sinceMillis());
            if (batch.isEmpty()) {
                return page(found, 0);
            }
            for (int i = batch.size() - 1; i >= 0; i--) {
                Activity activity = batch.get(i);
                if (activity.sequence() < before && filter.matches(activity)) {
                    if (found.size() == wanted) {
                        return page(found, found.get(wanted - 1).sequence());
                    }
                    found.add(activity);
                }
            }
            lookedAt += batch.size();
            before = Math.min(before, batch.get(0).sequence());
        }
        return page(found, before);
    }

    /** @param before where the next page begins, or 0 if there is none */
    private Page page(List<Activity> found, long before) {
        return new Page(found, before == 0 ? null : Long.toString(before, 36), true);
    }

    /**
     * Looks for requests in another order than the log's, which needs a read of the whole log. The read ends after
     * three seconds; the page then covers only the latest requests.
     *
     * @param limit length of the page, 1 to {@link #MAX_LIMIT}
     * @param cursor {@link Page#next} of the page before, or null for the first
     * @throws IllegalArgumentException if the text is no cursor
     */
    public Page query(Filter filter, Order order, boolean ascending, int limit, String cursor) {
        if (order == Order.TIME && !ascending) {
            return query(filter, limit, cursor);
        }
        Order.Page page = new Order.Page(order, ascending, Math.max(1, Math.min(limit, MAX_LIMIT)), cursor);
        Reach reach = walk(filter, page::offer);
        return new Page(page.sorted(), page.next(), reach.complete());
    }

    /**
     * The figures of requests in groups. Reads the log for at most three seconds.
     *
     * @param offset how many groups to leave out
     * @param limit the most groups, 1 to {@link #MAX_LIMIT}
     */
    public Summary summary(Filter filter, Summary.By by, Summary.Sort sort, int offset, int limit) {
        Summary.Builder groups = new Summary.Builder(by);
        Reach reach = walk(filter, groups::add);
        return groups.build(sort, Math.max(0, offset), Math.max(1, Math.min(limit, MAX_LIMIT)), reach);
    }

    private Reach walk(Filter filter, Consumer<Activity> each) {
        return new LogWalk(this::batchBefore, this::nanoTime, MAX_WALK_NANOS).walk(filter, each);
    }

    private static long parse(String cursor) {
        try {
            return Long.parseLong(cursor, 36);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("not a cursor: " + cursor, e);
        }
    }

    private List<Activity> batchBefore(long sequence, long sinceMillis) {
        lock.lock();
        try {
            drain();
            return labels.named(recorder.batchBefore(sequence, sinceMillis));
        } finally {
            lock.unlock();
        }
    }

    /**
     * The records after the given one.
     *
     * @param sequence of the given record; 0 for the latest records
     * @param limit the most records; if there are more, the latest
     */
    public Tail after(long sequence, int limit) {
        List<Activity> newest = query(Filter.ALL, limit, null).data();
        List<Activity> after = new ArrayList<>();
        for (int i = newest.size() - 1; i >= 0; i--) {
            if (newest.get(i).sequence() > sequence) {
                after.add(newest.get(i));
            }
        }
        return new Tail(after, newest.isEmpty() ? sequence : newest.get(0).sequence());
    }

    /** The latest request whose response had this generation id. */
    public Optional<Activity> find(String id) {
        return latest(id, any -> true);
    }

    /**
     * The request whose answer was repeated for this one. Providers' ids are not unique, so its key and caller must be
     * the same, and it must have come before.
     */
    public Optional<Activity> sourceOf(Activity repeated) {
        return repeated.sourceId() == null
                ? Optional.empty()
                : latest(
                        repeated.sourceId(),
                        source -> source.createdAtMillis() <= repeated.createdAtMillis()
                                && source.sequence() != repeated.sequence()
                                && Objects.equals(source.key(), repeated.key())
                                && Objects.equals(source.scopeTag(), repeated.scopeTag()));
    }

    /**
     * The request with this sequence. A request whose client had gone before there was a response has no id, so only
     * its sequence finds it.
     */
    public Optional<Activity> find(long sequence) {
        return batchBefore(sequence + 1, 0).stream()
                .filter(activity -> activity.sequence() == sequence)
                .findFirst();
    }

    /** As {@link #find(String)}, but only among the caller's own requests (wire rule W60). */
    public Optional<Activity> find(String id, Caller caller) {
        return latest(id, activity -> caller.tag().equals(activity.scopeTag()));
    }

    private Optional<Activity> latest(String id, Predicate<Activity> which) {
        lock.lock();
        try {
            drain();
            return recorder.latest(id, which)
                    .map(found -> labels.named(List.of(found)).get(0));
        } finally {
            lock.unlock();
        }
    }

    /**
     * The tags of all scopes that the log has under one of these labels. Reads the whole log, however long that takes.
     */
    public Set<String> scopeTags(Set<String> labels) {
        return scopeTags(labels, Long.MAX_VALUE).tags();
    }

    /** As {@link #scopeTags(Set)}, but reads for at most three seconds. */
    public Tags scopeTagsInTime(Set<String> labels) {
        return scopeTags(labels, MAX_WALK_NANOS);
    }

    private Tags scopeTags(Set<String> wanted, long maxNanos) {
        Set<String> tags = new HashSet<>();
        Reach reach = new LogWalk(this::batchBefore, this::nanoTime, maxNanos).walk(Filter.ALL, activity -> {
            if (activity.scope() != null && wanted.contains(activity.scope())) {
                tags.add(activity.scopeTag());
            }
        });
        return new Tags(tags, reach.complete());
    }

    /** Labels by the tags of scopes, and all models, of the requests in the log. Reads for at most three seconds. */
    public Names names() {
        Set<String> found = new HashSet<>();
        walk(Filter.ALL, activity -> {
            labels.noteEarlier(activity.scope(), activity.scopeTag());
            if (activity.model() != null && found.size() < Names.MOST_MODELS) {
                found.add(activity.model());
            }
        });
        return new Names(labels.byTag(), Set.copyOf(found));
    }

    /** The currency of all amounts of money. */
    public String currency() {
        return currency;
    }

    /** The counters since the start. */
    public Stats stats() {
        lock.lock();
        try {
            drain();
            Map<Endpoint, Stats.Counts> byEndpoint = totals.byEndpoint();
            return new Stats(
                    startedAt,
                    Stats.Counts.sum(byEndpoint.values()),
                    byEndpoint,
                    totals.bytes.sum(),
                    totals.tokensSaved.sum(),
                    totals.tokensUsed.sum(),
                    totals.millisSaved.sum(),
                    Prices.amount(totals.moneySavedNanos.sum()),
                    Prices.amount(totals.moneySpentNanos.sum()),
                    currency,
                    totals.unpricedTokens.sum(),
                    Latencies.summary(recorder.hits()),
                    Latencies.summary(recorder.misses()),
                    recorder.logStats(dropped.sum()));
        } finally {
            lock.unlock();
        }
    }

    /** Every step of a range; the current step is the last. */
    public List<TimeSeries.Point> series(TimeSeries.Range range) {
        long now = Math.floorDiv(clock.millis(), 1000L);
        long first = now / range.stepSeconds() - range.steps() + 1;
        NavigableMap<Long, byte[]> minutes;
        long rewinds;
        lock.lock();
        try {
            drain();
            minutes = recorder.minutesSince(first * range.stepSeconds() / 60);
            rewinds = recorder.rewinds();
        } finally {
            lock.unlock();
        }
        return steps.fold(range, now, minutes, rewinds);
    }

    /**
     * Every step of a period, as far back as minutes are kept ({@link TimeSeries#KEPT_MILLIS}).
     *
     * @param sinceMillis a time in the first step, milliseconds since the epoch
     * @param untilMillis a time in the last step, milliseconds since the epoch; a later time than now counts as now
     */
    public TimeSeries.Steps series(long sinceMillis, long untilMillis) {
        long now = clock.millis();
        long last = Math.max(now - TimeSeries.KEPT_MILLIS, Math.min(now, untilMillis)) / 1000;
        long first = Math.min(last, Math.max(now - TimeSeries.KEPT_MILLIS, sinceMillis) / 1000);
        int step = TimeSeries.stepSeconds(first, last);
        NavigableMap<Long, byte[]> minutes;
        lock.lock();
        try {
            drain();
            minutes = recorder.minutesSince(first / step * step / 60);
        } finally {
            lock.unlock();
        }
        return new TimeSeries.Steps(step, Minutes.Steps.points(first / step, last / step, step, minutes));
    }

    // ---- the writer

    private void write() {
        long savedAt = startedAt.toEpochMilli();
        int drained = 0;
        while (!closed) {
            LockSupport.parkNanos(drained > LOADED ? LOADED_DRAIN_NANOS : DRAIN_NANOS);
            lock.lock();
            try {
                drained = drain();
                long now = clock.millis();
                if (now - savedAt >= SAVE_MILLIS || now < savedAt) {
                    savedAt = now;
                    recorder.save(now);
                }
            } catch (RuntimeException e) {
                LOG.warn("Records of requests were lost", e);
            } finally {
                lock.unlock();
            }
        }
    }

    /** Empties the queue, with the lock held. Returns how many requests there were. */
    private int drain() {
        recorder.open(clock.millis());
        return queue.drain(facts -> {
            recorder.add(facts);
            labels.note(facts.scope(), facts.scopeTag());
            for (Listener listener : listeners) {
                listener.ended(facts.endpoint(), facts.outcome(), facts.durationNanos());
            }
        });
    }

    /**
     * Writes the remaining records and closes the file, and the access log if there is one. Later requests are counted
     * as dropped. Idempotent.
     */
    @Override
    public void close() {
        lock.lock();
        try {
            if (!closed) {
                drain();
                closed = true;
                recorder.close(clock.millis());
            }
        } finally {
            lock.unlock();
        }
        LockSupport.unpark(writer);
        if (access != null) {
            access.close();
        }
    }
}
