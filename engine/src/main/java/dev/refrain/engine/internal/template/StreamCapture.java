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
 * <p>The lines of the event under way are held as they came, without comments; the blank line that dispatches it moves
 * them to the template, patched. Every byte is looked at once by the line splitter and once by the JSON scanner,
 * however small the chunks are.
 *
 * <p>Two departures from WHATWG, both in favour of what the providers' SDKs do: an event that the end of the stream
 * leaves without its blank line counts, and so does {@code event: error} without data.
 */
final class StreamCapture extends Capture {
    private static final byte[] BOM = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};
    private static final byte[] DATA = ascii("data");
    private static final byte[] EVENT = ascii("event");
    private static final byte[] ERROR = ascii("error");
    private static final byte[] DONE = ascii("[DONE]");

    private static final String OVERSIZED = "over the stored-answer limit";

    /** Where a line feed belongs that may follow a carriage return. */
    private enum LineFeed {
        STARTS_A_LINE,
        TO_EVENT,
        TO_TEMPLATE,
        DROPPED
    }

    private AnswerScanner scanner;
    private final LiveTemplate live;

    /** The raw lines of the event under way, the last of them perhaps not at its end yet. */
    private GrowableBytes event;

    private int lineStart;
    private boolean firstLine = true;
    private LineFeed lineFeed = LineFeed.STARTS_A_LINE;

    /** Where in {@link #event} the values of its data fields are. */
    private DataLines data;

    private boolean errorEvent;
    private boolean errorField;
    /** Raw bytes of the events in the template, as long as it is one that can be stored. */
    private int dispatched;
    /** Events in the template. */
    private int events;
    /** An event was too long to be parsed. Neither it nor any later event is. */
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

    /**
     * If the memory budget has no room for all of the stream, its followers can go on, as with one that is too long.
     */
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

    /** Whether it is one that can be stored so far. */
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

    /** Makes sure that one event stays within the limit, and notes when all of them together do not. */
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
     * @param terminator how many of its bytes are the line end
     * @return where a second byte of the line end belongs
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
                // A comment stood between; without it the two line ends would be one.
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
            // llama.cpp sent this field in 2024 and 2025.
            errorField = true;
        } else if (bytes[start] == '{' || bytes[start] == '[' || bytes[start] == '<') {
            // JSON or HTML where a field should be: what servers and gateways write into a stream when they fail.
            errorField = true;
        }
    }

    /** Moves the event under way to the template, or rejects the answer because of it. */
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

    /** What follows a terminal event may be an error, or open a choice anew. */
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
