package dev.refrain.engine;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Lets one of many threads that have news do the work that follows from it, without a lock: whoever has news first does
 * it, and goes on for those whose news comes meanwhile. So the work runs on one thread at a time, sees what the one
 * before it has done, and runs once more after the last news. Thread-safe.
 */
final class Turns {
    private final AtomicInteger news = new AtomicInteger();

    /**
     * There is news, which is written already.
     *
     * @return whether the caller is to have {@link #take} called, now or later, on any thread
     */
    boolean ask() {
        return news.getAndIncrement() == 0;
    }

    /**
     * Works until there is no more news.
     *
     * @param work looks at all news that there is; must not throw
     */
    void take(Runnable work) {
        int noted;
        do {
            noted = news.get();
            work.run();
        } while (news.addAndGet(-noted) != 0);
    }
}
