package dev.refrain.engine.internal.template;

import dev.refrain.engine.internal.template.AnswerScanner.Edit;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Captures an answer that is an event stream, as WHATWG HTML 9.2.6 ("Interpreting an event stream") reads it.
 *
 * <p>The lines of the current event are held unchanged, without comments. The blank line that dispatches the event
 * moves them to the template, with placeholders. The line splitter and the JSON scanner each read every byte once,
 * however small the chunks are.
 *
 * <p>Like the providers' SDKs, the capture departs from WHATWG in two points: an event counts even if the stream ends
 * without its blank line, and {@code event: error} counts even without data.
 */
final class StreamCapture extends Capture {
    private static final byte[] BOM = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};
    private static final byte[] DATA = ascii("data");
    private static final byte[] EVENT = ascii("event");
    private static final byte[] ERROR = ascii("error");
    private static final byte[] DONE = ascii("[DONE]");

    private static final String OVERSIZED = "over the stored-answer limit";

    /**
     * What becomes of the next byte if it is a line feed. A line feed after a carriage return belongs to the line that
     * the carriage return has ended, and goes where that line went; otherwise it starts a line.
     */
    private enum LineFeed {
        STARTS_A_LINE,
        TO_EVENT,
        TO_TEMPLATE,
        DROPPED
    }

    private AnswerScanner scanner;
    private final LiveTemplate live;

    /** The raw lines of the current event. The last line may be incomplete. */
    private GrowableBytes event;

    private int lineStart;
    private boolean firstLine = true;
    private LineFeed lineFeed = LineFeed.STARTS_A_LINE;

    /** Offsets in {@link #event} of the values of its data fields. */
    private DataLines data;

    private boolean errorEvent;
    private boolean errorField;
    /**
     * Number of raw bytes of the events in the template. Not counted any more once the stream is too long to be stored.
     */
    private int dispatched;
    /** Number of events in the template. */
    private int events;
    /** Whether an event was too long, or memory ran out. From that event on, nothing is parsed. */
    private boolean stopped;

    StreamCapture(AnswerFormat format, int maxBytes, ZeroPaths zero, MemoryBudget.Reservation memory) {
        super(format, true, maxBytes);
        this.live = new LiveTemplate(memory);
        this.data = new DataLines(memory);
        this.event = new GrowableBytes(1024, memory);
        this.scanner = new AnswerScanner(format, zero);
        if (format == AnswerFormat.EMBEDDINGS) {
            reject("embeddings never stream");
        }
    }

    @Override
    void accept(ByteBuffer chunk) {
        try {
            makeRoom(chunk.remaining());
            take(chunk);
        } catch (MemoryBudget.Exhausted noRoom) {
            reject(NO_ROOM);
            stopped = true;
        }
    }

    /** Reserves memory for the stream. Without room, readers can go on as with a stream that is too long. */
    private void makeRoom(int more) {
        try {
            if (isKept()) {
                live.reserve(event.length() + more);
            }
        } catch (MemoryBudget.Exhausted noRoom) {
            live.forgetBeginning();
            outgrow(NO_ROOM);
        }
    }

    /** Whether the stream can still be stored. */
    private boolean isKept() {
        return state() == State.OPEN || state() == State.COMPLETE;
    }

    private void take(ByteBuffer chunk) {
        int at = chunk.position();
        int limit = chunk.limit();
        while (at < limit && !stopped) {
            if (lineFeed != LineFeed.STARTS_A_LINE) {
                if (chunk.get(at) == '\n') {
                    at++;
                    endOfLineFeed();
                }
                lineFeed = LineFeed.STARTS_A_LINE;
                continue;
            }
            int lineEnd = at;
            byte b = 0;
            while (lineEnd < limit && (b = chunk.get(lineEnd)) != '\n' && b != '\r') {
                lineEnd++;
            }
            int next = Math.min(lineEnd + 1, limit);
            if (hasRoomFor(next - at)) {
                event.append(chunk, at, next);
                if (lineEnd < limit) {
                    LineFeed owner = endOfLine(1);
                    lineFeed = b == '\r' ? owner : LineFeed.STARTS_A_LINE;
                }
            }
            at = next;
        }
        if (isWanted()) {
            live.publish();
        }
    }

    /**
     * Whether the current event stays within the limit. Rejects the answer if not. Drops the beginning if all events
     * together exceed the limit.
     */
    private boolean hasRoomFor(int more) {
        if (more > maxBytes - event.length()) {
            reject(OVERSIZED);
            stopped = true;
            return false;
        }
        if (isKept() && more > maxBytes - dispatched - event.length()) {
            live.forgetBeginning();
            outgrow(OVERSIZED);
        }
        return true;
    }

    @Override
    void finish(boolean inGoodOrder) {
        try {
            if (!stopped && event.length() > lineStart) {
                endOfLine(0);
            }
            if (!stopped && event.length() > 0) {
                dispatch();
            }
        } catch (MemoryBudget.Exhausted noRoom) {
            reject(NO_ROOM);
        }
        if (isWanted()) {
            String missing = completeness.missing(inGoodOrder);
            if (missing == null) {
                complete();
                live.publish();
            } else {
                reject(missing);
            }
        }
        event.release();
        event = null;
        data.release();
        data = null;
        scanner = null;
    }

    @Override
    public LiveTemplate live() {
        return live;
    }

    @Override
    public int events() {
        return events;
    }

    @Override
    Template build() {
        return live.whole(count.facts());
    }

    @Override
    void release() {
        live.forgetBeginning();
    }

    private void endOfLineFeed() {
        if (lineFeed == LineFeed.DROPPED || !hasRoomFor(1)) {
            return;
        }
        if (lineFeed == LineFeed.TO_EVENT) {
            event.append('\n');
            lineStart++;
        } else if (isWanted()) {
            live.append('\n');
            dispatched += state() == State.OVERSIZED ? 0 : 1;
        }
    }

    /**
     * Interprets the line from {@link #lineStart} to the end of {@link #event}.
     *
     * @param terminator number of bytes of the line end
     * @return where a second byte of the line end goes
     */
    private LineFeed endOfLine(int terminator) {
        byte[] bytes = event.bytes();
        int start = lineStart;
        int end = event.length() - terminator;
        if (firstLine) {
            firstLine = false;
            if (Arrays.equals(bytes, start, Math.min(start + BOM.length, end), BOM, 0, BOM.length)) {
                start += BOM.length;
            }
        }
        if (start == end && lineStart > 0) {
            if (terminator == 1 && bytes[lineStart - 1] == '\r' && bytes[lineStart] == '\n') {
                // A comment was dropped between the CR and the LF, which would now be one line end.
                event.append('\n');
            }
            dispatch();
            return LineFeed.TO_TEMPLATE;
        }
        if (start == end || bytes[start] == ':') {
            event.truncate(lineStart);
            return LineFeed.DROPPED;
        }
        field(bytes, start, end);
        lineStart = event.length();
        return LineFeed.TO_EVENT;
    }

    private void field(byte[] bytes, int start, int end) {
        int colon = start;
        while (colon < end && bytes[colon] != ':') {
            colon++;
        }
        int value = Math.min(colon + 1, end);
        if (value < end && bytes[value] == ' ') {
            value++;
        }
        if (equals(bytes, start, colon, DATA)) {
            data.add(value, end);
        } else if (equals(bytes, start, colon, EVENT)) {
            errorEvent = equals(bytes, value, end, ERROR);
        } else if (equals(bytes, start, colon, ERROR)) {
            // llama.cpp sends errors in this field, at least in its versions of 2024 and 2025.
            errorField = true;
        } else if (bytes[start] == '{' || bytes[start] == '[' || bytes[start] == '<') {
            // JSON or HTML in place of a field: servers and gateways write this into a stream when they fail.
            errorField = true;
        }
    }

    /** Moves the current event to the template, or rejects the answer because of it. */
    private void dispatch() {
        if (errorEvent || errorField) {
            reject("error event");
        } else if (data.count() == 1) {
            dispatch(event.bytes(), data.start(0), data.end(0));
        } else if (data.count() > 1) {
            GrowableBytes joined = data.join(event.bytes());
            dispatch(joined.bytes(), 0, joined.length());
            joined.release();
        } else {
            append(List.of());
        }
        dispatched += state() == State.OVERSIZED ? 0 : event.length();
        event.truncate(0);
        lineStart = 0;
        data.clear();
        errorEvent = false;
        errorField = false;
    }

    private void dispatch(byte[] bytes, int from, int to) {
        int start = AnswerScanner.skipWhiteSpace(bytes, from, to);
        if (start == to || bytes[start] != '{') {
            append(List.of());
            if (isDone(bytes, start, to)) {
                completeness.done();
                judge();
            }
            return;
        }
        String flaw = scanner.scan(bytes, start, to);
        if (flaw != null) {
            reject(flaw);
            return;
        }
        count.add(scanner.fields());
        String failure = completeness.add(scanner.fields());
        if (failure != null) {
            reject(failure);
        } else {
            append(data.count() == 1 ? scanner.edits() : data.unjoin(scanner.edits()));
            judge();
        }
    }

    private void append(List<Edit> edits) {
        if (isWanted()) {
            live.append(event.bytes(), 0, event.length(), edits);
            events++;
        }
    }

    /**
     * Updates the state after an event. An event after the terminal one may begin another choice, which
     * rejects the answer.
     */
    private void judge() {
        String missing = completeness.missing(false);
        if (missing == null && isWanted()) {
            complete();
        } else if (missing != null && isTerminated()) {
            reject(missing);
        }
    }

    private static boolean isDone(byte[] bytes, int start, int to) {
        int end = start + DONE.length;
        return end <= to && equals(bytes, start, end, DONE) && AnswerScanner.skipWhiteSpace(bytes, end, to) == to;
    }

    private static boolean equals(byte[] bytes, int from, int to, byte[] expected) {
        return Arrays.equals(bytes, from, to, expected, 0, expected.length);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
