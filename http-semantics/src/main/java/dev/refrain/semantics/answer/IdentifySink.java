package dev.refrain.semantics.answer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.async.ByteBufferFeeder;
import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * Finds the generation id of an upstream's answer (wire rule W23): its {@code X-Generation-Id} header, else the
 * {@code id} of a non-streaming body, else a new id.
 *
 * <p>The id goes into the head, so a JSON body without the header is held back until its {@code id} has arrived, which
 * in the known formats is among the first bytes. Streams are never held back. A stream with a wrong content type is
 * recognised by its first character, which is not a brace. The piece that contains the id is parsed in place and passed
 * on without a copy. As thread-safe as the sink behind it.
 */
public final class IdentifySink extends ForwardingSink {
    /** At most this many bytes are held back. A body whose id has not arrived by then gets a new id. */
    private static final int MAX_HELD = 256 * 1024;
    /**
     * Bytes of heap to reserve for each byte that is held back. The buffer here keeps a copy, and so does the parser
     * while a string or number is incomplete.
     */
    private static final int HELD_FACTOR = 4;

    /** Limit of an id, in characters. Clients or proxies might refuse a longer header value. */
    private static final int MAX_ID_LENGTH = 256;

    /** Without Jackson's shared table of field names, since answers could fill it. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build();

    private ResponseHead head;
    /** The search for the id; null unless the head is held back. */
    private Search search;

    private final MemoryBudget.Reservation held;

    /** @param memory budget for the bytes held back; if there is no room, the answer gets a new id */
    public IdentifySink(ResponseSink client, MemoryBudget memory) {
        super(client);
        this.held = memory.open();
    }

    @Override
    public void head(ResponseHead answer) {
        if (answer.generationId() == null && mayBeJson(answer) && answer.contentLength() != 0) {
            head = answer;
            search = new Search();
        } else {
            super.head(answer.generationId() != null ? answer : answer.withGenerationId(mint()));
        }
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (search == null) {
            super.chunk(bytes);
        } else if (held.grow((long) HELD_FACTOR * bytes.remaining()) && !search.endsWith(bytes)) {
            search.hold(bytes);
        } else {
            release();
            super.chunk(bytes);
        }
    }

    @Override
    public void end() {
        if (search != null) {
            release();
        }
        super.end();
    }

    @Override
    public void fail(Throwable cause) {
        if (search != null && search.held.size() > 0) {
            release();
        }
        held.close();
        super.fail(cause);
    }

    @Override
    public void whenDrained(Runnable action) {
        if (search == null) {
            super.whenDrained(action);
        } else {
            // The source must go on, or the id never arrives.
            action.run();
        }
    }

    private void release() {
        Search done = search;
        search = null;
        held.close();
        super.head(head.withGenerationId(done.id != null ? done.id : mint()));
        if (done.held.size() > 0) {
            super.chunk(ByteBuffer.wrap(done.held.toByteArray()));
        }
    }

    /**
     * A body without a content type, or with a wrong one, is judged by its content. A body that claims to be a stream
     * is never held back.
     */
    private static boolean mayBeJson(ResponseHead answer) {
        return answer.contentEncoding() == null
                && (answer.contentType() == null
                        || !answer.contentType().toLowerCase(Locale.ROOT).startsWith("text/event-stream"));
    }

    private static String mint() {
        return GenerationId.mint(System.currentTimeMillis() / 1000);
    }

    /** An incremental search for the top-level {@code id}. */
    private static final class Search {
        private final ByteArrayOutputStream held = new ByteArrayOutputStream(0);
        private final JsonParser parser;
        private int depth;
        private boolean idIsNext;
        private boolean isObject;
        private String id;

        Search() {
            try {
                parser = JSON.createNonBlockingByteBufferParser();
            } catch (IOException e) {
                throw new IllegalStateException("a parser without input has nothing to fail on", e);
            }
        }

        /** Reads more of the body. Returns whether the search is over, with or without an id. */
        boolean endsWith(ByteBuffer bytes) {
            if (held.size() + bytes.remaining() > MAX_HELD) {
                return true;
            }
            if (!isObject) {
                int first = firstCharacter(bytes);
                if (first < 0) {
                    return false;
                } else if (first != '{') {
                    return true;
                }
                isObject = true;
            }
            try {
                ((ByteBufferFeeder) parser.getNonBlockingInputFeeder()).feedInput(bytes.duplicate());
                return advance();
            } catch (IOException | RuntimeException notJson) {
                // A failure of the parser must not break the answer.
                return true;
            }
        }

        /** Copies a piece in which the search did not end. */
        void hold(ByteBuffer bytes) {
            byte[] piece = new byte[bytes.remaining()];
            bytes.get(piece);
            held.write(piece, 0, piece.length);
        }

        /** The first byte that is no white space, or less than 0 if there is none. */
        private static int firstCharacter(ByteBuffer piece) {
            for (int at = piece.position(); at < piece.limit(); at++) {
                byte b = piece.get(at);
                if (b != ' ' && b != '\t' && b != '\r' && b != '\n') {
                    return Byte.toUnsignedInt(b);
                }
            }
            return -1;
        }

        private boolean advance() throws IOException {
            for (JsonToken token = parser.nextToken();
                    token != null && token != JsonToken.NOT_AVAILABLE;
                    token = parser.nextToken()) {
                if (idIsNext) {
                    String value = token == JsonToken.VALUE_STRING ? parser.getText() : "";
                    id = isHeaderSafe(value) ? value : null;
                    return true;
                }
                if (token.isStructStart()) {
                    depth++;
                } else if (token.isStructEnd()) {
                    depth--;
                } else if (token == JsonToken.FIELD_NAME && depth == 1) {
                    idIsNext = parser.currentName().equals("id");
                }
                if (depth == 0) {
                    return true;
                }
            }
            return false;
        }

        /** Visible ASCII only, so that a body cannot inject header lines. */
        private static boolean isHeaderSafe(String value) {
            return !value.isEmpty()
                    && value.length() <= MAX_ID_LENGTH
                    && value.chars().allMatch(c -> c > ' ' && c < 0x7F);
        }
    }
}
