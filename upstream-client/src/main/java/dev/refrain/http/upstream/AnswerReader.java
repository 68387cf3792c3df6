package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.answer.Unreachable;
import dev.refrain.semantics.framing.ChunkGrammar;
import dev.refrain.semantics.framing.MalformedBody;
import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Reads the answers on a connection as strictly as RFC 9112 defines them. Ambiguous answers are refused, since a wrong
 * guess could make a truncated or corrupted answer look complete. The reader is lenient in two points that RFC 9112
 * names (2.2 and 5.2): a line of the head may end in a bare line feed, and folded lines are unfolded.
 *
 * <p>Used by one thread at a time.
 */
final class AnswerReader {
    /** Limit of a head with all interim heads before it, in bytes. */
    static final int MAX_HEAD_BYTES = 384 * 1024;

    /** First byte that a TLS server sends to a client without TLS (RFC 8446, 5.1). */
    private static final byte TLS_ALERT = 21;

    private static final int FIRST_LINE_BYTES = 256;
    /** A line buffer up to this length is kept for the next answer. */
    private static final int KEPT_LINE_BYTES = 4096;
    /** Step in which memory for a head is asked for, in bytes. */
    private static final int MEMORY_STEP = 16 * 1024;

    /** Receives an answer. */
    interface Listener {
        /**
         * Asks to hold this many bytes for the head in total.
         *
         * @return whether there is room for them
         */
        boolean mayHold(long bytes);

        /** An interim answer has arrived (status 1xx). */
        void interim(AnswerHead head);

        /** The answer begins. */
        void head(AnswerHead head);

        /**
         * More of the body.
         *
         * @param bytes valid during the call
         * @param isLast whether {@link #end} follows at once
         */
        void piece(ByteBuffer bytes, boolean isLast);

        /** The answer is complete. */
        void end(Map<String, List<String>> trailers);
    }

    private enum State {
        STATUS,
        FIELDS,
        LENGTH,
        CHUNKS,
        UNTIL_CLOSED,
        END
    }

    private final Listener listener;
    private State state = State.END;
    private boolean answersHead;
    private boolean mayBecomeWebSocket;
    private byte[] line = new byte[FIRST_LINE_BYTES];
    private int lineLength;
    private int headBytes;
    /** Number of complete lines so far. */
    private int lines;
    /** Memory that the listener has granted for the head, in bytes. */
    private long granted;

    private AnswerHead.Builder head;
    /** Bytes of a body of known length that have not arrived. */
    private long left;

    private ChunkGrammar chunks;
    /** Null until a trailer begins. */
    private ByteArrayOutputStream trailer;

    AnswerReader(Listener listener) {
        this.listener = listener;
    }

    /** Expects the answer to a request with this method next. */
    void expect(String method) {
        expect(method, false);
    }

    /**
     * Expects the answer to a request, perhaps for a websocket. If a {@code 101} grants the websocket, the bytes after
     * it are passed on like those of a body.
     */
    void expect(String method, boolean isForWebSocket) {
        mayBecomeWebSocket = isForWebSocket;
        state = State.STATUS;
        answersHead = method.equals("HEAD") || method.equals("CONNECT");
        lineLength = 0;
        headBytes = 0;
        lines = 0;
        granted = 0;
        trailer = null;
    }

    /** Whether the expected answer is complete. */
    boolean isAtEnd() {
        return state == State.END;
    }

    /** Whether the answer ends with its connection. */
    boolean endsWithConnection() {
        return state == State.UNTIL_CLOSED;
    }

    /**
     * Reads on, at most to the end of the answer.
     *
     * @throws ProxyException if the answer is malformed; nothing more can then be read
     */
    void read(ByteBuf in) throws ProxyException {
        while (in.isReadable() && state != State.END) {
            switch (state) {
                case STATUS, FIELDS -> readLine(in);
                case LENGTH -> {
                    int count = (int) Math.min(left, in.readableBytes());
                    left -= count;
                    if (left == 0) {
                        state = State.END;
                    }
                    pass(in, count, left == 0);
                    if (left == 0) {
                        listener.end(Map.of());
                    }
                }
                case CHUNKS -> readChunks(in);
                default -> pass(in, in.readableBytes(), false);
            }
        }
    }

    /** The connection ends, and with it the answer. */
    void close() {
        state = State.END;
        listener.end(Map.of());
    }

    private void pass(ByteBuf in, int count, boolean isLast) {
        ByteBuffer piece = in.nioBuffer(in.readerIndex(), count);
        in.skipBytes(count);
        listener.piece(piece, isLast);
    }

    private void readLine(ByteBuf in) throws ProxyException {
        if (state == State.STATUS && headBytes == 0 && in.getByte(in.readerIndex()) == TLS_ALERT) {
            throw ProxyException.unreachable(Unreachable.SPEAKS_TLS, null);
        }
        int feed = in.indexOf(in.readerIndex(), in.writerIndex(), (byte) '\n');
        int count = (feed < 0 ? in.writerIndex() : feed) - in.readerIndex();
        headBytes += count + 1;
        if (headBytes > MAX_HEAD_BYTES) {
            throw ProxyException.malformed("its head is longer than " + MAX_HEAD_BYTES + " bytes");
        }
        require(AnswerHead.heldBytes(headBytes, lines));
        if (lineLength + count > line.length) {
            line = Arrays.copyOf(line, Math.max(2 * line.length, lineLength + count));
        }
        in.readBytes(line, lineLength, count);
        lineLength += count;
        if (feed < 0) {
            return;
        }
        in.skipBytes(1);
        if (lineLength > 0 && line[lineLength - 1] == '\r') {
            lineLength--;
        }
        String text = new String(line, 0, lineLength, StandardCharsets.ISO_8859_1);
        lineLength = 0;
        lines++;
        if (state == State.STATUS) {
            head = AnswerHead.Builder.ofStatusLine(text);
            state = State.FIELDS;
        } else if (text.isEmpty()) {
            headComplete();
        } else {
            head.line(text);
        }
    }

    private void require(long bytes) throws ProxyException {
        if (bytes > granted) {
            granted = bytes + MEMORY_STEP;
            if (!listener.mayHold(granted)) {
                throw ProxyException.noRoom();
            }
        }
    }

    private void headComplete() throws ProxyException {
        AnswerHead complete = head.build(answersHead, mayBecomeWebSocket);
        head = null;
        if (line.length > KEPT_LINE_BYTES) {
            line = new byte[FIRST_LINE_BYTES];
        }
        if (complete.isInterim()) {
            state = State.STATUS;
            listener.interim(complete);
            return;
        }
        switch (complete.framing()) {
            case CHUNKS -> {
                chunks = new ChunkGrammar();
                state = State.CHUNKS;
            }
            case UNTIL_CLOSED -> state = State.UNTIL_CLOSED;
            case LENGTH -> {
                left = complete.length();
                state = left == 0 ? State.END : State.LENGTH;
            }
            default -> state = State.END;
        }
        boolean isOver = state == State.END;
        listener.head(complete);
        if (isOver) {
            listener.end(Map.of());
        }
    }

    private void readChunks(ByteBuf in) throws ProxyException {
        if (chunks.isInData()) {
            int count = (int) Math.min(chunks.left(), in.readableBytes());
            chunks.took(count);
            pass(in, count, false);
            return;
        }
        try {
            while (in.isReadable() && !chunks.isInData() && !chunks.isAtEnd()) {
                byte next = in.readByte();
                boolean inTrailer = chunks.isInTrailer();
                chunks.accept(next);
                if (inTrailer) {
                    if (trailer == null) {
                        trailer = new ByteArrayOutputStream();
                    }
                    trailer.write(next);
                }
            }
        } catch (MalformedBody malformed) {
            throw ProxyException.malformed("its chunks are not in order: " + malformed.getMessage());
        }
        if (chunks.isAtEnd()) {
            state = State.END;
            chunks = null;
            listener.end(trailers());
        }
    }

    private Map<String, List<String>> trailers() throws ProxyException {
        if (trailer == null || trailer.size() <= 2) {
            return Map.of();
        }
        AnswerHead.Builder fields = new AnswerHead.Builder();
        String all = trailer.toString(StandardCharsets.ISO_8859_1);
        long count = all.chars().filter(each -> each == '\n').count();
        require(AnswerHead.heldBytes(headBytes + all.length(), lines + count));
        for (String field : all.split("\r\n", 0)) {
            fields.line(field);
        }
        return fields.fields();
    }
}
