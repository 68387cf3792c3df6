package dev.refrain.console.explain;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.KeyParts;
import dev.refrain.engine.memory.BoundedMap;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.IOException;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The outlines of requests whose answers were fetched lately. Bounded in requests and in bytes; the oldest are dropped
 * first. Thread-safe: {@link #add} never waits. If the background thread cannot keep up, requests get no outline and
 * are counted.
 */
public final class Outlines implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Outlines.class);

    private static final int QUEUE = 256;
    /**
     * With at most this many requests in the queue, the thread rests between two outlines, and polls for the next one.
     * If each request woke the thread, right when an answer ends, the thread would take the processor that the answer
     * needs to go out.
     */
    private static final int UNHURRIED = QUEUE / 4;

    private static final long REST_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    /** After this many rests without a request, the thread blocks on the queue. */
    private static final int RESTS = 50;

    /** Values of a usual request. The bound in bytes is the capacity times the bytes of its outline. */
    private static final int VALUES_PER_REQUEST = 128;

    private static final long MAX_HEAP = Runtime.getRuntime().maxMemory();
    /** Outlines may take 1/32 of the heap, whatever capacity is set. */
    private static final int PART_OF_HEAP = 32;
    /** Longer bodies get no outline, because parsing one takes several times its length of heap. */
    private static final long LONGEST_BODY = Math.min(8L << 20, MAX_HEAP / 64);

    /** Waiting bodies may take 1/8 of the memory budget, so that explanations do not make the proxy refuse requests. */
    private static final int PART_OF_BUDGET = 8;

    private static final int SHOWN = 3;
    private static final double LEAST_SIMILARITY = 0.01;

    /** A request that waits for its outline. Until then, its bytes are reserved in the memory budget. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Job(Supplier<KeyParts> parts, long bytes, String id, long millis, byte[] body) {}

    private final int capacity;
    private final PathNames names = new PathNames();
    private final Outliner outliner = new Outliner(names);
    private final BlockingQueue<Job> queue = new ArrayBlockingQueue<>(QUEUE);
    /** Reserved bytes of the waiting requests. */
    private final AtomicLong waiting = new AtomicLong();

    private final LongAdder dropped = new LongAdder();
    private final Thread thread = new Thread(this::work, "refrain-explain");

    /**
     * Read with {@code peek} and {@code values} alone, so that reads do not refresh an outline: questions are about the
     * latest requests.
     */
    private final BoundedMap<CacheKey, Outline> outlines;

    private final MemoryBudget memory;

    private volatile boolean closed;

    /**
     * No outlines yet. Starts the background thread.
     *
     * @param capacity the most requests, within 1/32 of the heap; 0 keeps none and starts no thread
     * @param memory budget for the requests that wait for their outlines
     */
    public Outlines(int capacity, MemoryBudget memory) {
        this(capacity, memory, MAX_HEAP / PART_OF_HEAP);
    }

    Outlines(int capacity, MemoryBudget memory, long maxBytes) {
        this.capacity = capacity;
        this.memory = memory;
        long usual = BoundedMap.ENTRY_BYTES + Outline.OWN_BYTES + (long) VALUES_PER_REQUEST * Outline.VALUE_BYTES;
        this.outlines = new BoundedMap<>(
                Math.min(maxBytes, capacity * usual), Math.max(1, capacity), (key, outline) -> outline.bytes());
        thread.setDaemon(true);
        if (capacity > 0) {
            thread.start();
        }
    }

    /** Whether outlines are kept. */
    public boolean isOn() {
        return capacity > 0;
    }

    /**
     * Adds a request whose answer was fetched to be stored.
     *
     * @param parts what went into the key; asked for later, in the background
     * @param heldBytes bytes of the heap that {@code parts} and {@code body} hold until then
     * @param id generation id of the answer, or null
     * @param millis when the answer was complete, milliseconds since the epoch
     * @param body of the request; kept only until its outline is made, and must not change until then
     */
    public void add(Supplier<KeyParts> parts, long heldBytes, String id, long millis, byte[] body) {
        if (!isOn()) {
            return;
        }
        Job job = new Job(parts, heldBytes + (id == null ? 0 : Outline.bytes(id)), id, millis, body);
        if (body.length > LONGEST_BODY || !reserve(job)) {
            dropped.increment();
            return;
        }
        if (!queue.offer(job)) {
            release(job);
            dropped.increment();
        }
        if (closed) {
            drop();
        }
    }

    private boolean reserve(Job job) {
        if (waiting.addAndGet(job.bytes()) <= memory.limitBytes() / PART_OF_BUDGET && memory.reserve(job.bytes())) {
            return true;
        }
        waiting.addAndGet(-job.bytes());
        return false;
    }

    private void release(Job job) {
        waiting.addAndGet(-job.bytes());
        memory.release(job.bytes());
    }

    private void work() {
        try {
            while (true) {
                make(next());
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    private Job next() throws InterruptedException {
        for (int rests = 0; rests < RESTS; rests++) {
            if (queue.size() <= UNHURRIED) {
                TimeUnit.NANOSECONDS.sleep(REST_NANOS);
            }
            Job next = queue.poll();
            if (next != null) {
                return next;
            }
        }
        Job first = queue.take();
        try {
            TimeUnit.NANOSECONDS.sleep(REST_NANOS);
            return first;
        } catch (InterruptedException stopped) {
            release(first);
            throw stopped;
        }
    }

    private void make(Job job) {
        try {
            Outline outline = outliner.outline(job.parts().get(), job.id(), job.millis(), job.body());
            outlines.put(outline.key(), outline);
        } catch (IOException | RuntimeException e) {
            // Jackson refuses a few bodies that are eligible. Its messages quote the body, so the log has only their
            // class.
            dropped.increment();
            LOG.debug("A request has no outline: {}", e.getClass().getSimpleName());
        } finally {
            release(job);
        }
    }

    /** The number of outlines. */
    public int size() {
        return outlines.size();
    }

    /**
     * How many requests got no outline, because too many came at a time, or because they were too long or could not be
     * parsed by Jackson.
     */
    public long dropped() {
        return dropped.sum();
    }

    /** When the latest answer to a request with this key was complete, or null if that is not known. */
    public Instant lastStored(CacheKey key) {
        Outline same = outlines.peek(key);
        return same == null ? null : Instant.ofEpochMilli(same.millis());
    }

    /**
     * The requests of the same scope and endpoint that share most values with the given one, the most similar first.
     *
     * @param isStored whether the answer of a key is still stored
     * @throws IOException if Jackson cannot parse the body
     */
    public List<Explanation.Nearest> nearest(KeyParts parts, byte[] body, Predicate<CacheKey> isStored)
            throws IOException {
        Outline asked = outliner.outline(parts, null, 0, body);
        record Scored(Outline outline, double similarity) {}
        return outlines.values().stream()
                .filter(other -> other.isComparable(parts) && !other.key().equals(parts.key()))
                .map(other -> new Scored(other, asked.similarity(other)))
                .filter(scored -> scored.similarity() >= LEAST_SIMILARITY)
                .sorted(Comparator.comparingDouble(Scored::similarity)
                        .thenComparing(scored -> scored.outline().millis())
                        .reversed())
                .limit(SHOWN)
                .map(scored -> new Explanation.Nearest(
                        scored.outline().id(),
                        Times.iso(scored.outline().millis()),
                        Math.floor(scored.similarity() * 1000) / 1000,
                        asked.differences(scored.outline(), names),
                        asked.rule(scored.outline(), names),
                        scored.outline().key().shortDigest(),
                        isStored.test(scored.outline().key())))
                .toList();
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        drop();
    }

    /** Releases the memory of requests that will get no outline. */
    private void drop() {
        for (Job job = queue.poll(); job != null; job = queue.poll()) {
            release(job);
        }
    }
}
