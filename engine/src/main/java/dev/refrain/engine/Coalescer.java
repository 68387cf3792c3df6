package dev.refrain.engine;

import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.template.LiveCopy;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.stats.EntryFacts;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Handles a miss: joins a flight, leads one, or starts over when a flight has failed (wire rule W28). */
final class Coalescer {
    private static final Logger LOG = LoggerFactory.getLogger(Coalescer.class);

    /** A request joins or leads at most this many flights, so that a broken provider is not flooded with calls. */
    private static final int MAX_FLIGHTS = 3;

    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;

    private final Answers answers;
    private final UpstreamCalls calls;
    private final Flights flights;
    /** Held during walks over the store that clients ask for, so that only one of them runs at a time. */
    private final Object walks = new Object();

    private final Pool<EntryBuffer> pieces = new Pool<>(() -> new EntryBuffer(8 * 1024));

    /** Whether a call is under way that an identical request would join. */
    boolean isUnderWay(CacheKey key) {
        return flights.get(key) != null;
    }

    Coalescer(Answers answers, Flights flights, UpstreamCalls calls) {
        this.answers = answers;
        this.flights = flights;
        this.calls = calls;
    }

    /** Answers a request from a call that is under way, or from a call of its own. */
    void fetch(MissedRequest request) {
        fetch(request, 1);
    }

    private void fetch(MissedRequest request, int attempt) {
        while (true) {
            Flight running = flights.get(request.key());
            // A request after a removal must not get an answer whose fetch or lookup began before the removal.
            if (running != null && !running.isBarred() && follow(running, request, attempt)) {
                return;
            }
            if (request.controls().directives().noStore()) {
                // An answer that must not be stored must not be shared either.
                fetchAlone(request);
                return;
            }
            Flight own = new Flight(flights, answers, calls, request);
            if (flights.replace(running, own)) {
                // Another call may have ended since the lookup. Its answer is then stored, so no second call is made.
                boolean wanted = false;
                try {
                    wanted = !answers.replay(request);
                } finally {
                    if (!wanted) {
                        own.dissolve();
                    }
                }
                if (wanted) {
                    begin(own, request, attempt);
                }
                return;
            }
        }
    }

    /** Asks the shared tier, if there is one, and then the upstream. */
    private void begin(Flight own, MissedRequest request, int attempt) {
        SharedEntries shared = answers.shared();
        if (shared == null) {
            own.start(calls.inTime(request.upstream()));
        } else {
            long asked = answers.ticker().getAsLong();
            Caller caller = new Caller(own, request, attempt);
            shared.find(request.key(), looked -> {
                try (looked) {
                    goOn(caller, asked, looked);
                }
            });
        }
    }

    /** Continues after the lookup in the shared tier. One lookup serves the leader and all followers of the flight. */
    private void goOn(Caller caller, long asked, SharedEntries.Looked looked) {
        caller.own.looked(looked);
        if (caller.found(looked)) {
            return;
        }
        SharedCalls others = answers.shared().calls();
        boolean agrees = others != null && SharedCalls.covers(caller.request.key());
        if (!agrees || looked.unavailable() || caller.attempt >= MAX_FLIGHTS) {
            caller.call();
        } else {
            boolean isThere = looked.unusable() || looked.answer() != null;
            others.agree(caller.own, asked, isThere, caller);
        }
    }

    /** A flight of this machine that has not made its call yet, and may not need to make it. */
    private final class Caller implements SharedCalls.Party {
        private final Flight own;
        private final MissedRequest request;
        private final int attempt;

        Caller(Flight own, MissedRequest request, int attempt) {
            this.own = own;
            this.request = request;
            this.attempt = attempt;
        }

        @Override
        public void call() {
            own.start(calls.inTime(request.upstream()));
        }

        @Override
        @SuppressWarnings("CatchingUnchecked") // a fault of the cache must not become one of the answer
        public boolean found(SharedEntries.Looked looked) {
            SharedAnswer found = looked.answer();
            boolean answered = false;
            try {
                answered = found != null && answers.replayShared(found, request, () -> own.mayCommit(found));
            } catch (RuntimeException | VirtualMachineError | AssertionError e) {
                LOG.warn("An answer from the shared tier could not be used; the upstream is called instead", e);
            }
            if (answered) {
                own.answeredBy(found);
            }
            return answered;
        }

        @Override
        public void follow(LivePieces.Head head, LiveCopy stream, Upstream.Call reading) {
            Follower first = follower(own, request, attempt);
            own.followElsewhere(head, stream.live(), reading, first);
            first.start();
        }
    }

    private Follower follower(Flight running, MissedRequest request, int attempt) {
        return new Follower(running, request, pieces, answers.nowMillis(), why -> startOver(request, attempt, why));
    }

    private boolean follow(Flight running, MissedRequest request, int attempt) {
        Follower follower = follower(running, request, attempt);
        if (!running.join(follower)) {
            return false;
        }
        answers.counters().collapsed.increment();
        running.idGiven();
        follower.start();
        return true;
    }

    /**
     * Continues for a follower whose flight ended before the follower passed on a byte. Tries the store, then another
     * flight, up to {@link #MAX_FLIGHTS}.
     */
    private void startOver(MissedRequest request, int attempt, FlightEnding why) {
        if (why instanceof FlightEnding.Shared shared
                && !answers.shared().isBarred(request.key(), shared.answer())
                && answers.replayShared(shared.answer(), request, () -> false)) {
            return;
        }
        if (answers.replay(request)) {
            return;
        }
        if (why instanceof FlightEnding.Unshareable) {
            fetchAlone(request);
        } else if (!(why instanceof FlightEnding.Failed failed)) {
            fetch(request, attempt);
        } else if (attempt < MAX_FLIGHTS && !failed.isFinal()) {
            fetch(request, attempt + 1);
        } else if (failed.head() != null) {
            GuardedSink sink = request.sink();
            sink.head(failed.head()
                    .withGenerationId(GenerationId.mint(answers.nowMillis() / 1000))
                    .withCache(request.miss(false)));
            sink.chunk(failed.body().duplicate());
            sink.end();
        } else if (failed.cause() != null) {
            request.sink().fail(failed.cause());
        } else {
            // The provider did answer, but the answer is too long to be shared.
            fetchAlone(request);
        }
    }

    /** Makes a call that nobody joins and whose answer is not stored. */
    private void fetchAlone(MissedRequest request) {
        calls.passInTime(request.upstream(), new OutcomeSink(request.miss(false), request.sink()));
    }

    /** Makes a call of its own even if another one is under way. Its answer supersedes the other call's answer. */
    void lead(MissedRequest asked) {
        boolean isToldLater = asked.controls().clear() && !mayRemove(asked.key());
        MissedRequest request = isToldLater ? asked.with(tellingOnceAuthorized(asked)) : asked;
        if (request.controls().directives().noStore()) {
            clearIfAsked(request, isToldLater, null);
            fetchAlone(request);
            return;
        }
        Flight own = new Flight(flights, answers, calls, request);
        // Supersede first, then clear: whatever the older flight stored before is removed, and it stores nothing after.
        flights.supersede(own);
        boolean cleared = false;
        try {
            clearIfAsked(request, isToldLater, own);
            cleared = true;
        } finally {
            if (!cleared) {
                own.dissolve();
            }
        }
        SharedCalls others = answers.shared() == null ? null : answers.shared().calls();
        if (others != null) {
            // Done before the call, so that machines that ask during the call find the lease taken.
            others.hold(own);
        }
        own.start(calls.inTime(request.upstream()));
    }

    /**
     * Wraps the request's upstream, so that other machines are told of the removal when the answer begins or fails, but
     * not if the provider rejects the caller's credentials. Used when so many removals wait for other machines that
     * this removal would be merged into a barrier for more than its key. A client with invented credentials must not
     * cause such a barrier. The cache stores nothing for such a client, so there is nothing to remove.
     */
    private Upstream tellingOnceAuthorized(MissedRequest request) {
        return sink -> request.upstream().fetch(new ForwardingSink(sink) {
            @Override
            public void head(ResponseHead head) {
                if (head.status() != UNAUTHORIZED && head.status() != FORBIDDEN) {
                    tell();
                }
                super.head(head);
            }

            @Override
            public void fail(Throwable cause) {
                tell();
                super.fail(cause);
            }

            private void tell() {
                var unused = answers.shared().remove(request.key(), true, began -> {});
            }
        });
    }

    /**
     * Whether a client may remove an answer now. A removal that other machines cannot be told of yet must be
     * remembered, and the room for that is limited.
     */
    private boolean mayRemove(CacheKey key) {
        return answers.shared() == null || answers.shared().notices().hasRoomFor(key);
    }

    /** Like {@link #remove}, but returns false and removes nothing if {@link #mayRemove} says no. */
    boolean removeForClient(CacheKey key) {
        boolean may = mayRemove(key);
        if (may) {
            remove(key);
        }
        return may;
    }

    /** Removes the answer of a key, on all machines if they share answers. Returns whether there was one here. */
    boolean remove(CacheKey key) {
        SharedEntries shared = answers.shared();
        if (shared == null) {
            return answers.remove(key);
        }
        // The tier comes first, so that no lookup brings the answer back from there after it was removed here.
        var unused = shared.remove(key, true, began -> {});
        Flight running = flights.get(key);
        if (running != null) {
            // The flight may have found the removed answer, or have begun to fetch it.
            running.supersede();
        }
        return answers.remove(key);
    }

    /** See {@link CachePipeline#takeBack}. */
    boolean takeBack(CacheScope scope, String id) {
        Flight running = flights.ofId(scope, id);
        if (running == null) {
            return false;
        }
        if (!mayRemove(running.key())) {
            throw new MemoryBudget.Exhausted();
        }
        takeBack(running.key(), running.head().generationId());
        return true;
    }

    /** See {@link CachePipeline#takeBack}. */
    void takeBack(String shortDigest, String sourceId) {
        Set<CacheKey> keys = new HashSet<>();
        Flight running = flights.ofDigest(shortDigest);
        if (running != null) {
            keys.add(running.key());
        }
        synchronized (walks) {
            keys.addAll(answers.keysOf(shortDigest));
        }
        if (!(keys.isEmpty()
                ? answers.shared() == null || answers.shared().notices().hasRoomForDigest()
                : keys.stream().allMatch(this::mayRemove))) {
            throw new MemoryBudget.Exhausted();
        }
        keys.forEach(key -> takeBack(key, sourceId));
        if (keys.isEmpty() && answers.shared() != null) {
            // Other machines may have what was evicted here. Without the whole key, each of them has to walk its store.
            synchronized (walks) {
                answers.shared().notices().raiseAndWait(SharedBarriers.digest(shortDigest));
            }
        }
    }

    private void takeBack(CacheKey key, String sourceId) {
        if (answers.shared() != null) {
            // The tier comes first, as in remove. Other machines may still have the answer, even if a newer one
            // replaced it here.
            var unused = answers.shared().remove(key, true, began -> {});
        }
        Flight running = flights.get(key);
        if (running != null && running.isSource(sourceId)) {
            // Superseded before the removal, so that the flight stores nothing after the removal.
            running.supersede();
        }
        EntryFacts stored = answers.inspect(key);
        if (stored == null || Objects.equals(stored.sourceId(), sourceId)) {
            answers.remove(key);
        }
    }

    /**
     * Removes the key's answer before a call, if the request asks for that.
     *
     * @param isToldLater whether the call tells other machines of the removal
     * @param own the flight that makes the call; null if the answer is not stored
     */
    private void clearIfAsked(MissedRequest request, boolean isToldLater, Flight own) {
        if (!request.controls().clear()) {
            return;
        }
        SharedEntries shared = answers.shared();
        if (shared != null && own == null) {
            var unused = shared.remove(request.key(), !isToldLater, began -> {});
        } else if (shared != null) {
            own.beginsAfter(shared.remove(request.key(), !isToldLater, own::beganAt));
        }
        answers.remove(request.key());
    }
}
