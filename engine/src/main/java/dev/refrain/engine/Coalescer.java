package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.spi.EntryBuffer;
import java.time.Duration;

/** What follows a miss: joins a flight, leads one, or starts over when one has failed (wire rule W28). */
final class Coalescer {
    /** Flights that one request joins or leads at most, so that a broken provider is not stormed. */
    private static final int MAX_FLIGHTS = 3;

    private final ResponseCache cache;
    private final Flights flights = new Flights();
    private final Pool<EntryBuffer> pieces = new Pool<>(() -> new EntryBuffer(8 * 1024));

    Coalescer(ResponseCache cache) {
        this.cache = cache;
    }

    Flights flights() {
        return flights;
    }

    /** From a call that is under way, or from one of its own. */
    void fetch(CacheKey key, Duration ttl, Upstream upstream, GuardedSink sink) {
        fetch(key, ttl, upstream, sink, 1);
    }

    private void fetch(CacheKey key, Duration ttl, Upstream upstream, GuardedSink sink, int attempt) {
        while (true) {
            Flight running = flights.get(key);
            if (running != null && follow(running, key, ttl, upstream, sink, attempt)) {
                return;
            }
            Flight own = new Flight(flights, cache, key, ttl, sink);
            if (flights.replace(running, own)) {
                // Another call may have come to its end between the lookup and here; nobody's answer is fetched twice.
                boolean wanted = false;
                try {
                    wanted = !cache.replay(key, sink);
                } finally {
                    if (!wanted) {
                        own.dissolve();
                    }
                }
                if (wanted) {
                    own.start(upstream);
                }
                return;
            }
        }
    }

    private boolean follow(
            Flight running, CacheKey key, Duration ttl, Upstream upstream, GuardedSink sink, int attempt) {
        Follower follower = new Follower(
                running, sink, pieces, cache.nowMillis(), why -> startOver(key, ttl, upstream, sink, attempt, why));
        if (!running.join(follower)) {
            return false;
        }
        cache.counters().collapsed.increment();
        follower.start();
        return true;
    }

    /** A follower whose flight failed before it had a byte: another flight, but not endlessly many of them. */
    private void startOver(
            CacheKey key, Duration ttl, Upstream upstream, GuardedSink sink, int attempt, Flight.Ending why) {
        if (cache.replay(key, sink)) {
            return;
        }
        if (why instanceof Flight.Ending.Unshareable) {
            fetchAlone(key, ttl, upstream, sink);
        } else if (!(why instanceof Flight.Ending.Failed failed)) {
            fetch(key, ttl, upstream, sink, attempt);
        } else if (attempt < MAX_FLIGHTS) {
            fetch(key, ttl, upstream, sink, attempt + 1);
        } else if (failed.head() != null) {
            sink.head(failed.head()
                    .withGenerationId(GenerationId.mint(cache.nowMillis() / 1000))
                    .withCache(new CacheOutcome.Miss(ttl.toSeconds(), false)));
            sink.chunk(failed.body().duplicate());
            sink.end();
        } else if (failed.cause() != null) {
            sink.fail(failed.cause());
        } else {
            // The provider does answer, with something too long to be handed round.
            fetchAlone(key, ttl, upstream, sink);
        }
    }

    /** A call of one's own that nobody joins and whose answer is not stored: sharing it has been tried. */
    private void fetchAlone(CacheKey key, Duration ttl, Upstream upstream, GuardedSink sink) {
        Flight own = new Flight(flights, cache, key, ttl, sink);
        own.supersede();
        own.start(upstream);
    }

    /** A call of one's own whatever else is under way, whose answer is the newer one. */
    void lead(CacheKey key, Duration ttl, Upstream upstream, GuardedSink sink) {
        Flight own = new Flight(flights, cache, key, ttl, sink);
        // In this order: what the older flight stores in between is removed, and after that it stores nothing.
        flights.supersede(own);
        boolean removed = false;
        try {
            cache.remove(key);
            removed = true;
        } finally {
            if (!removed) {
                own.dissolve();
            }
        }
        own.start(upstream);
    }
}
