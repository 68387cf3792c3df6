package dev.refrain.engine.internal;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;

/**
 * A bounded, lock-free pool of objects that are costly to make and cheap to reuse, such as buffers. Thread-locals would
 * keep one object for each of a million virtual threads.
 *
 * <p>A thread uses the few slots that its id selects. If they are empty, an object is made; if they are full on return,
 * the object is left to the collector. The taker owns an object until it gives it back; not giving it back is no leak.
 *
 * @param <T> what is pooled
 */
public final class Pool<T> {
    private static final int PROBES = 4;
    /** Slots of neighbouring threads stand this many references apart: two cache lines of compressed references. */
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

    /** A pooled object, in the state in which it was given back, or a new one. */
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
                // No compare-and-set: the processor would wait for all earlier loads. If another thread fills the
                // same slot at this moment, one object is left to the collector.
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
        // Fibonacci hashing: ids count up, and threads started one after the other must not share slots.
        return (int) ((Thread.currentThread().getId() * 0x9E3779B97F4A7C15L) >>> 40);
    }
}
