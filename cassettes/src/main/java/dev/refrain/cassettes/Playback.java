package dev.refrain.cassettes;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Sends a recorded answer to a client, event by event. Runs on one thread at a time, and never blocks it. */
final class Playback {
    /** After this many bytes, the sink has to drain before more is sent. */
    private static final int UNASKED = 64 * 1024;

    private final RecordedAnswer answer;
    private final Pace pace;
    private final ScheduledExecutorService threads;
    private final Turn turn;
    private final ResponseSink client;
    private int event;
    /** Whether the pause before the next event is over. */
    private boolean hasPaused;

    private int at;

    Playback(RecordedAnswer answer, Pace pace, ScheduledExecutorService threads, Turn turn) {
        this.answer = answer;
        this.pace = pace;
        this.threads = threads;
        this.turn = turn;
        this.client = turn.client();
    }

    void start() {
        if (pace == Pace.RECORDED && answer.waitMillis() > 0) {
            after(answer.waitMillis(), this::begin);
        } else {
            begin();
        }
    }

    private void begin() {
        if (turn.isCancelled()) {
            return;
        }
        boolean isStream = !answer.events().isEmpty();
        Map<String, List<String>> fields = new LinkedHashMap<>();
        if (answer.type() != null) {
            fields.put("content-type", List.of(answer.type()));
        }
        String id = null;
        for (String line : answer.fields()) {
            int colon = line.indexOf(": ");
            fields.put(line.substring(0, colon), List.of(line.substring(colon + 2)));
            if (line.startsWith(Capture.GENERATION_ID + ":")) {
                id = line.substring(colon + 2);
            }
        }
        client.head(new ResponseHead(
                answer.status(), answer.type(), null, isStream ? -1 : answer.body().length, id, null, fields));
        go();
    }

    /** Sends until the answer ends, a pause begins, or the sink must drain first. */
    private void go() {
        int given = 0;
        while (at < answer.body().length) {
            if (turn.isCancelled()) {
                return;
            }
            if (given >= UNASKED) {
                client.whenDrained(this::later);
                return;
            }
            long pause = hasPaused || pace == Pace.INSTANT || answer.events().isEmpty()
                    ? 0
                    : answer.events().get(event).gapMillis();
            if (pause > 0) {
                hasPaused = true;
                // The pause begins when the client has taken the event before the pause, so that events do not queue up
                // for a slow client.
                client.whenDrained(() -> after(pause, this::go));
                return;
            }
            hasPaused = false;
            given += give();
        }
        turn.answered();
        client.end();
    }

    private void later() {
        after(0, this::go);
    }

    private void after(long millis, Runnable action) {
        try {
            if (millis > 0) {
                threads.schedule(action, millis, TimeUnit.MILLISECONDS);
            } else {
                threads.execute(action);
            }
        } catch (RejectedExecutionException closed) {
            turn.fail();
        }
    }

    private int give() {
        int end;
        if (answer.events().isEmpty()) {
            end = Math.min(answer.body().length, at + UNASKED);
        } else {
            end = answer.events().get(event++).end();
        }
        int length = end - at;
        client.chunk(ByteBuffer.wrap(answer.body(), at, length).slice().asReadOnlyBuffer());
        at = end;
        return length;
    }
}
