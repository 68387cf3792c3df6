package dev.refrain.http.proxy;

import java.util.concurrent.atomic.AtomicLong;

/**
 * A part of the heap that all clients share, for what has to be held in whole because of them. Each of them is limited, but there
 * may be any number of them, and the heap must not run out for the others.
 */
final class HeapShare {
    private final AtomicLong left;

    HeapShare(long bytes) {
        left = new AtomicLong(bytes);
    }

    /** A quarter of the heap: there are two uses of this, and both together leave half. */
    static HeapShare quarter() {
        return new HeapShare(Runtime.getRuntime().maxMemory() / 4);
    }

    /** Takes so many bytes if there are as many left. */
    boolean take(long bytes) {
        if (left.addAndGet(-bytes) >= 0) {
            return true;
        }
        left.addAndGet(bytes);
        return false;
    }

    void give(long bytes) {
        left.addAndGet(bytes);
    }
}
