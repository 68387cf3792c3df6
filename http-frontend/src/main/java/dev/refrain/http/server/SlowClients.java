package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The clients for which the proxy waits, the longest wait first. While the memory budget is tight, those that have
 * moved no byte for seconds are cut off, because others need the memory held for them. Thread-safe.
 */
public final class SlowClients {
    /** A pause that a healthy client on a slow network may make. */
    private static final long SHORTEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final int MOST_AT_ONCE = 4;

    private final MemoryBudget memory;
    private final LongSupplier nanoTime;
    /** When each wait began; guarded by itself. */
    private final Map<WaitTimer, Long> begun = new LinkedHashMap<>();

    public SlowClients(MemoryBudget memory, LongSupplier nanoTime) {
        this.memory = memory;
        this.nanoTime = nanoTime;
    }

    void begin(WaitTimer wait) {
        long now = nanoTime.getAsLong();
        synchronized (begun) {
            begun.put(wait, now);
        }
        makeRoom();
    }

    void end(WaitTimer wait) {
        synchronized (begun) {
            begun.remove(wait);
        }
    }

    /** Ends some of the longest waits if the budget is tight. */
    void makeRoom() {
        makeRoom(MOST_AT_ONCE);
    }

    /** Cuts off the clients that have been waited for longest, at most {@code most} of them, if the budget is tight. */
    public void makeRoom(int most) {
        if (!memory.isTight()) {
            return;
        }
        long now = nanoTime.getAsLong();
        List<WaitTimer> over = new ArrayList<>(MOST_AT_ONCE);
        synchronized (begun) {
            Iterator<Map.Entry<WaitTimer, Long>> oldest = begun.entrySet().iterator();
            while (oldest.hasNext() && over.size() < most) {
                Map.Entry<WaitTimer, Long> next = oldest.next();
                if (now - next.getValue() < SHORTEST_WAIT_NANOS) {
                    break;
                }
                over.add(next.getKey());
                oldest.remove();
            }
        }
        over.forEach(WaitTimer::expire);
    }

    /** How many clients the proxy waits for. */
    int size() {
        synchronized (begun) {
            return begun.size();
        }
    }
}
