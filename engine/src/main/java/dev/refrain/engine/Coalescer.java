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
    void fetch(MissedRequest request) {
        fetch(request, 1);
    }

    private void fetch(MissedRequest request, int attempt) {
        while (true) {
            Flight running = flights.get(request.key());
            if (running != null && follow(running, request, attempt)) {
                return;
            }
            if (request.controls().directives().noStore()) {
                // What is not to be stored for this request is not to be handed to others either.
                fetchAlone(request);
                return;
            }
            Flight own = new Flight(flights, answers, calls, request);
            if (flights.replace(running, own)) {
                // Another call may have come to its end between the lookup and here; nobody's answer is fetched twice.
                boolean wanted = false;
                try {
                    wanted = !answers.replay(request);
                } finally {
                    if (!wanted) {
                        own.dissolve();
                    }
                }
                if (wanted) {
                    own.start(calls.inTime(request.upstream()));
                }
                return;
            }
        }
    }

    private boolean follow(Flight running, MissedRequest request, int attempt) {
        Follower follower =
                new Follower(running, request, pieces, answers.nowMillis(), why -> startOver(request, attempt, why));
        if (!running.join(follower)) {
            return false;
        }
        answers.counters().collapsed.increment();
        follower.start();
        return true;
    }

    /** A follower whose flight failed before it had a byte: another flight, but not endlessly many of them. */
    private void startOver(MissedRequest request, int attempt, Flight.Ending why) {
        if (answers.replay(request)) {
            return;
        }
        if (why instanceof Flight.Ending.Unshareable) {
            fetchAlone(request);
        } else if (!(why instanceof Flight.Ending.Failed failed)) {
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
            // The provider does answer, with something too long to be handed round.
            fetchAlone(request);
        }
    }

    /** A call of one's own that nobody joins and whose answer is not stored. */
    private void fetchAlone(MissedRequest request) {
        calls.passInTime(request.upstream(), new OutcomeSink(request.miss(false), request.sink()));
    }

    /** A call of one's own whatever else is under way, whose answer is the newer one. */
    void lead(MissedRequest request) {
        if (request.controls().directives().noStore()) {
            clearIfAsked(request);
            fetchAlone(request);
            return;
        }
        Flight own = new Flight(flights, answers, calls, request);
        // In this order: what the older flight stores in between is removed, and after that it stores nothing.
        flights.supersede(own);
        boolean cleared = false;
        try {
            clearIfAsked(request);
            cleared = true;
        } finally {
            if (!cleared) {
                own.dissolve();
            }
        }
        own.start(calls.inTime(request.upstream()));
    }

    private void clearIfAsked(MissedRequest request) {
        if (request.controls().clear()) {
            answers.remove(request.key());
        }
    }
}
