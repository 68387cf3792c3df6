package dev.refrain.engine.internal;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;

/**
 * A bounded, lock-free pool of objects that are costly to make and cheap to reuse, such as buffers. In place of thread-locals,
 * which would keep one object for each of a million virtual threads.
 *
 * <p>A thread looks at the few slots that its id leads to; when they are empty an object is made, and when they are full on the
 * way back the object is left to the collector. Who takes an object owns it until it is given back; not giving it back is no leak.
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

    /** A pooled object in the state in which it was given back, or else a new one. */
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
                // Without a compare-and-set, for which the processor would wait until all that was read before is
                // there. If another
                // thread gives to the same slot at this moment, one object is left to the collector.
                slots.setRelease(slot, object);
                return;
            }
        }
    }

    /** Leaves what is in the pool to the collector. Not what is in use meanwhile, which may come back. */
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
