package dev.refrain.engine;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Lets one of many threads do the work that follows from their news, without a lock. The first thread with news does
 * the work, and goes on for threads whose news comes meanwhile. So the work runs on one thread at a time, each run sees
 * what the run before it has done, and one run follows the last news. Thread-safe.
 */
final class Turns {
    private final AtomicInteger news = new AtomicInteger();

    /**
     * Announces news. The caller must have written the news before.
     *
     * @return whether the caller must see to it that {@link #take} is called, now or later, on any thread
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
