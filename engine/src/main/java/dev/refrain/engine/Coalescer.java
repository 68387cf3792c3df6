package dev.refrain.engine;

import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.spi.EntryBuffer;

/** What follows a miss: joins a flight, leads one, or starts over when one has failed (wire rule W28). */
final class Coalescer {
    /** Flights that one request joins or leads at most, so that a broken provider is not stormed. */
    private static final int MAX_FLIGHTS = 3;

    private final Answers answers;
    private final UpstreamCalls calls;
    private final Flights flights;
    private final Pool<EntryBuffer> pieces = new Pool<>(() -> new EntryBuffer(8 * 1024));

    Coalescer(Answers answers, Flights flights, UpstreamCalls calls) {
        this.answers = answers;
        this.flights = flights;
        this.calls = calls;
    }

    /** From a call that is under way, or from one of its own. */
    void fetch(Ask ask) {
        fetch(ask, 1);
    }

    private void fetch(Ask ask, int attempt) {
        while (true) {
            Flight running = flights.get(ask.key());
            if (running != null && follow(running, ask, attempt)) {
                return;
            }
            if (ask.controls().directives().noStore()) {
                // What is not to be stored for this request is not to be handed to others either.
                fetchAlone(ask);
                return;
            }
            Flight own = new Flight(flights, answers, calls, ask);
            if (flights.replace(running, own)) {
                // Another call may have come to its end between the lookup and here; nobody's answer is fetched twice.
                boolean wanted = false;
                try {
                    wanted = !answers.replay(ask);
                } finally {
                    if (!wanted) {
                        own.dissolve();
                    }
                }
                if (wanted) {
                    own.start(calls.inTime(ask.upstream()));
                }
                return;
            }
        }
    }

    private boolean follow(Flight running, Ask ask, int attempt) {
        Follower follower =
                new Follower(running, ask, pieces, answers.nowMillis(), why -> startOver(ask, attempt, why));
        if (!running.join(follower)) {
            return false;
        }
        answers.counters().collapsed.increment();
        follower.start();
        return true;
    }

    /** A follower whose flight failed before it had a byte: another flight, but not endlessly many of them. */
    private void startOver(Ask ask, int attempt, Flight.Ending why) {
        if (answers.replay(ask)) {
            return;
        }
        if (why instanceof Flight.Ending.Unshareable) {
            fetchAlone(ask);
        } else if (!(why instanceof Flight.Ending.Failed failed)) {
            fetch(ask, attempt);
        } else if (attempt < MAX_FLIGHTS && !failed.isFinal()) {
            fetch(ask, attempt + 1);
        } else if (failed.head() != null) {
            GuardedSink sink = ask.sink();
            sink.head(failed.head()
                    .withGenerationId(GenerationId.mint(answers.nowMillis() / 1000))
                    .withCache(ask.miss(false)));
            sink.chunk(failed.body().duplicate());
            sink.end();
        } else if (failed.cause() != null) {
            ask.sink().fail(failed.cause());
        } else {
            // The provider does answer, with something too long to be handed round.
            fetchAlone(ask);
        }
    }

    /** A call of one's own that nobody joins and whose answer is not stored. */
    private void fetchAlone(Ask ask) {
        calls.passInTime(ask.upstream(), new OutcomeSink(ask.miss(false), ask.sink()));
    }

    /** A call of one's own whatever else is under way, whose answer is the newer one. */
    void lead(Ask ask) {
        if (ask.controls().directives().noStore()) {
            clearIfAsked(ask);
            fetchAlone(ask);
            return;
        }
        Flight own = new Flight(flights, answers, calls, ask);
        // In this order: what the older flight stores in between is removed, and after that it stores nothing.
        flights.supersede(own);
        boolean cleared = false;
        try {
            clearIfAsked(ask);
            cleared = true;
        } finally {
            if (!cleared) {
                own.dissolve();
            }
        }
        own.start(calls.inTime(ask.upstream()));
    }

    private void clearIfAsked(Ask ask) {
        if (ask.controls().clear()) {
            answers.remove(ask.key());
        }
    }
}
