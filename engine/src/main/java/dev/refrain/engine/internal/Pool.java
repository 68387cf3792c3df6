package dev.refrain.engine.internal;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;

/**
 * A bounded, lock-free pool of objects that are costly to make and cheap to reuse, such as buffers. Thread-locals would
 * not do: with a million virtual threads they would keep a million objects.
 *
 * <p>A thread uses the few slots that its id selects. If they are empty, the pool makes an object. If they are full
 * when an object is given back, the object is left to the collector. A thread owns an object that it has taken until it
 * gives the object back. An object that is never given back is not a leak.
 *
 * @param <T> type of the pooled objects
 */
public final class Pool<T> {
    private static final int PROBES = 4;
    /** Distance between two slots, in references: two cache lines of compressed references. */
    private static final int STRIDE = 32;

    private final AtomicReferenceArray<T> slots;
    private final int mask;
    private final Supplier<? extends T> factory;

    /** A pool with a few slots for each processor. */
    public Pool(Supplier<? extends T> factory) {
        this(factory, Integer.highestOneBit(Runtime.getRuntime().availableProcessors() * 8));
    }

    /** @param size a power of two */
    Pool(Supplier<? extends T> factory, int size) {
        this.slots = new AtomicReferenceArray<>(size * STRIDE);
        this.mask = size - 1;
        this.factory = factory;
    }

    /** A pooled object in the state in which it was given back, or a new object. */
    public T take() {
        int home = home();
        for (int i = 0; i < PROBES; i++) {
            int slot = ((home + i) & mask) * STRIDE;
            if (slots.getPlain(slot) != null) {
                T pooled = slots.getAndSet(slot, null);
                if (pooled != null) {
                    return pooled;
                }
            }
        }
        return factory.get();
    }

    /** Gives an object back; the caller must not touch it again. */
    public void give(T object) {
        int home = home();
        for (int i = 0; i < PROBES; i++) {
            int slot = ((home + i) & mask) * STRIDE;
            if (slots.getPlain(slot) == null) {
                // A compare-and-set would make the processor wait for all earlier loads. Without it, if another thread
                // fills the same slot at this moment, one object is left to the collector.
                slots.setRelease(slot, object);
                return;
            }
        }
    }

    /** Leaves the pooled objects to the collector. Objects in use may still come back. */
    public void clear() {
        for (int slot = 0; slot <= mask; slot++) {
            slots.set(slot * STRIDE, null);
        }
    }

    private static int home() {
        // Fibonacci hashing, because ids count up and threads that start one after another must not share slots.
        return (int) ((Thread.currentThread().getId() * 0x9E3779B97F4A7C15L) >>> 40);
    }
}
