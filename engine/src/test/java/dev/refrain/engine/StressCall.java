package dev.refrain.engine;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One upstream call of {@link FlightStressTest}: a random answer in random pieces, which may fail anywhere. It records
 * what it sent, and computes what a request may have received of it.
 */
final class StressCall implements Upstream.Call {
    private static final String FINISH = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
    private static final String LAST = FINISH + "data: [DONE]\n\n";

    /** How the call ends after its last byte. */
    enum Finish {
        END,
        FAIL
    }

    private static final String SOURCE = "gen-source-";

    /** One event, comment or document: as the provider sends it, and as a replay has it. */
    private record Part(String raw, String replay, boolean terminal, boolean error) {}

    final int number;
    final int status;
    final Finish finish;

    private final Random random;
    private final Executor pool;
    private final boolean streaming;
    private final boolean encoded;
    private final boolean announcesLength;
    private final boolean failsWhenCancelled;
    private final List<Part> parts = new ArrayList<>();
    private final byte[] raw;
    /** Number of bytes that are sent before the finish. */
    private final int toSend;

    private final AtomicInteger cancels = new AtomicInteger();
    private final AtomicBoolean waiting = new AtomicBoolean();
    private final Runnable whenOver;
    private ResponseSink sink;
    private boolean headSent;
    private volatile int sent;
    private volatile boolean finished;

    StressCall(
            int number,
            boolean streaming,
            boolean healthy,
            int limit,
            Random random,
            Executor pool,
            Runnable whenOver) {
        this.number = number;
        this.random = random;
        this.pool = pool;
        this.streaming = streaming;
        this.whenOver = whenOver;
        status = healthy || chance(85) ? 200 : 429;
        encoded = !healthy && chance(3);
        announcesLength = !streaming && chance(50);
        failsWhenCancelled = chance(50);
        if (status != 200) {
            parts.add(new Part("{\"error\":{\"call\":" + number + "}}", "", false, true));
        } else if (streaming) {
            events(healthy, limit);
        } else {
            document(healthy, limit);
        }
        StringBuilder all = new StringBuilder();
        parts.forEach(part -> all.append(part.raw));
        raw = all.toString().getBytes(UTF_8);
        boolean fails = !healthy && chance(20);
        finish = fails ? Finish.FAIL : Finish.END;
        toSend = fails ? random.nextInt(raw.length + 1) : raw.length;
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private void events(boolean healthy, int limit) {
        boolean endless = !healthy && chance(12);
        int length = endless ? limit + random.nextInt(3 * limit) : random.nextInt(limit / 4);
        for (int n = 0, size = 0; size < length; n++) {
            String pad = "x".repeat(random.nextInt(endless ? 400 : 100));
            String event = "data: {\"id\":\"%s\",\"created\":%d,\"call\":" + number + ",\"n\":" + n + ",\"pad\":\""
                    + pad + "\",\"usage\":{\"t\":%d}}\n\n";
            part(event);
            size += event.length();
            if (chance(10)) {
                parts.add(new Part(": PROCESSING\n\n", "", false, false));
            }
        }
        if (!healthy && chance(4)) {
            error();
        }
        if (healthy || chance(88)) {
            parts.add(new Part(LAST, LAST, true, false));
            if (!healthy && chance(5)) {
                part("data: {\"id\":\"%s\",\"created\":%d,\"late\":true,\"usage\":{\"t\":%d}}\n\n");
            }
            if (!healthy && chance(4)) {
                error();
            }
        }
        if (parts.isEmpty()) {
            parts.add(new Part(": NOTHING\n\n", "", false, false));
        }
    }

    private void error() {
        parts.add(new Part("data: {\"error\":{\"call\":" + number + "}}\n\n", "", false, true));
    }

    private void document(boolean healthy, int limit) {
        if (!healthy && chance(5)) {
            parts.add(new Part("{\"error\":{\"call\":" + number + "}}", "", false, true));
            return;
        }
        String pad = "x".repeat(random.nextInt(!healthy && chance(10) ? 3 * limit : limit / 4));
        String document = "{\"id\":\"%s\",\"created\":%d,\"call\":" + number + ",\"pad\":\"" + pad
                + "\",\"usage\":{\"t\":%d}," + "\"choices\":[{\"finish_reason\":\"stop\"}]}";
        parts.add(new Part(fill(document, rawId(), 17, 4), document, true, false));
    }

    private void part(String event) {
        parts.add(new Part(fill(event, rawId(), 17, 4), event, false, false));
    }

    private String rawId() {
        return "chatcmpl-" + number;
    }

    private static String fill(String template, String id, long created, int usage) {
        return template.contains("%s") ? template.formatted(id, created, usage) : template;
    }

    // ------------------------------------------------------------------------------------------------------- sending

    /** Begins to send; some calls have answered before they return. */
    void begin(ResponseSink target, boolean atOnce) {
        sink = target;
        if (atOnce) {
            while (step(false)) {}
        } else {
            pool.execute(this::go);
        }
    }

    private void go() {
        while (step(true)) {}
    }

    /** Sends one head, piece or end. Returns false if another thread continues, or if the call is over. */
    private boolean step(boolean mayWait) {
        if (cancels.get() > 0) {
            if (failsWhenCancelled) {
                sink.fail(new IOException("cancelled"));
            }
            whenOver.run();
            return false;
        }
        if (!headSent && !(finish == Finish.FAIL && toSend == 0)) {
            headSent = true;
            sink.head(new ResponseHead(
                    status,
                    streaming ? "text/event-stream" : "application/json",
                    encoded ? "gzip" : null,
                    announcesLength ? raw.length : -1,
                    SOURCE + number,
                    null,
                    Map.of()));
            return true;
        }
        if (sent == toSend) {
            finished = true;
            if (finish == Finish.END) {
                sink.end();
            } else {
                sink.fail(new IOException("reset"));
            }
            whenOver.run();
            return false;
        }
        int length = Math.min(toSend - sent, 1 + random.nextInt(chance(20) ? 4000 : 150));
        int from = sent;
        // Before the chunk goes out: from then on, clients may have these bytes.
        sent = from + length;
        sink.chunk(ByteBuffer.wrap(raw, from, length));
        if (!mayWait || chance(30)) {
            return true;
        }
        waiting.set(true);
        sink.whenDrained(this::goOn);
        return false;
    }

    /** Called when the sink takes more, and at cancellation. The first of these calls continues the answer. */
    private void goOn() {
        if (waiting.compareAndSet(true, false)) {
            pool.execute(this::go);
        }
    }

    @Override
    public void cancel() {
        if (cancels.incrementAndGet() > 1) {
            throw new AssertionError("cancelled twice");
        }
        goOn();
    }

    boolean cancelled() {
        return cancels.get() > 0;
    }

    // ------------------------------------------------------------------------------------------ what may have arrived

    static int numberOf(String sourceId) {
        return Integer.parseInt(sourceId.substring(SOURCE.length()));
    }

    static boolean isSource(String generationId) {
        return generationId != null && generationId.startsWith(SOURCE);
    }

    /** The bytes that were sent. */
    String sent() {
        return new String(raw, 0, sent, UTF_8);
    }

    /** Whether the whole answer was sent and then ended as it should. */
    boolean endedWell() {
        return finished && finish == Finish.END;
    }

    boolean shareable() {
        return status == 200 && !encoded;
    }

    /**
     * The whole events that were sent before the first error, as a replay has them; a document entirely or not at all.
     */
    String replay(String id, long seconds) {
        StringBuilder replay = new StringBuilder();
        int at = 0;
        for (Part part : parts) {
            at += part.raw.length();
            if (at > sent || part.error) {
                if (part.terminal && streaming && sent - (at - part.raw.length()) >= FINISH.length()) {
                    replay.append(FINISH);
                }
                break;
            }
            replay.append(fill(part.replay, id, seconds, 0));
        }
        return replay.toString();
    }

    /** Whether the bytes that were sent make a complete answer. */
    boolean complete() {
        int at = 0;
        boolean terminal = false;
        for (Part part : parts) {
            at += part.raw.length();
            if (at > sent) {
                boolean hasFinished = sent - (at - part.raw.length()) >= FINISH.length() - "\n\n".length();
                return streaming && (terminal || (part.terminal && hasFinished && endedWell()));
            }
            if (part.error) {
                return false;
            }
            terminal |= part.terminal;
        }
        return terminal && (streaming || announcesLength || endedWell());
    }

    @Override
    public String toString() {
        return "call " + number + " (" + status + ", " + finish + " after " + sent + " of " + toSend + " of "
                + raw.length + (cancelled() ? ", cancelled" : "") + (finished ? ", finished" : "") + ")";
    }
}
