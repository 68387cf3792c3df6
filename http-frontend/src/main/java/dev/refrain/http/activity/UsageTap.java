package dev.refrain.http.activity;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.refrain.engine.Endpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * Reads what an answer cost, and why it ended, while it passes by: from a JSON document or from the events of a stream. It holds a few
 * hundred bytes, changes and delays nothing, and takes what it does not understand for not said.
 *
 * <p>Belongs to the thread that delivers the answer until {@link #ended}.
 */
public final class UsageTap implements MemberScanner.Members {
    private static final JsonFactory JSON = new JsonFactory();
    private static final byte[] DATA = {'d', 'a', 't', 'a', ':'};

    private enum Framing {
        NONE,
        DOCUMENT,
        EVENTS
    }

    private final Endpoint endpoint;
    private final MemberScanner scanner = new MemberScanner(this);
    private Account account;
    private Framing framing = Framing.NONE;

    // Of a stream: how much of the line has been seen, or that it is none that holds data.
    private int lineLength;
    private boolean skipsLine;
    private boolean afterReturn;

    private long promptTokens = Activity.UNKNOWN;
    private long completionTokens = Activity.UNKNOWN;
    private long totalTokens = Activity.UNKNOWN;
    private String finishReason;

    UsageTap(Endpoint endpoint) {
        this.endpoint = endpoint;
    }

    void attach(Account of) {
        account = of;
    }

    // ---- the answer passes by

    /** The answer begins. */
    public void head(String contentType, String contentEncoding) {
        String type = contentType == null ? "" : contentType.toLowerCase(Locale.ROOT);
        if (contentEncoding != null) {
            framing = Framing.NONE;
        } else if (type.startsWith("text/event-stream")) {
            framing = Framing.EVENTS;
        } else if (type.contains("json")) {
            framing = Framing.DOCUMENT;
        }
    }

    /** More of the answer; the buffer is left as it is. */
    public void chunk(ByteBuffer bytes) {
        if (framing == Framing.NONE) {
            return;
        }
        boolean events = framing == Framing.EVENTS;
        for (int i = bytes.position(), end = bytes.limit(); i < end; i++) {
            byte b = bytes.get(i);
            if (events) {
                event(b);
            } else {
                scanner.feed(b);
            }
        }
    }

    /** The answer is over, whole or not. */
    public void ended() {
        Account of = account;
        account = null;
        if (of != null) {
            of.callEnded();
        }
    }

    /** WHATWG HTML, 9.2.6; of an event's fields only its data counts, whose lines are one document. */
    private void event(byte b) {
        boolean secondHalf = b == '\n' && afterReturn;
        afterReturn = b == '\r';
        if (secondHalf) {
            return;
        }
        if (b == '\n' || b == '\r') {
            if (lineLength == 0) {
                scanner.reset();
            }
            lineLength = 0;
            skipsLine = false;
        } else if (!skipsLine) {
            if (lineLength >= DATA.length) {
                scanner.feed(b);
            } else if (b == DATA[lineLength]) {
                lineLength++;
            } else {
                skipsLine = true;
                lineLength = DATA.length;
            }
        }
    }

    // ---- what is found

    @Override
    public boolean wants(int depth, String parent, String name) {
        return switch (name) {
            case "usage" -> depth == 1 || (depth == 2 && isWrapper(parent));
            case "finish_reason" -> depth == 3 && parent.equals("choices");
            case "stop_reason" -> depth == 1 || (depth == 2 && parent.equals("delta"));
            case "status" -> endpoint == Endpoint.RESPONSES && (depth == 1 || (depth == 2 && isWrapper(parent)));
            default -> false;
        };
    }

    private static boolean isWrapper(String parent) {
        return parent.equals("response") || parent.equals("message");
    }

    @Override
    public void value(int depth, String parent, String name, byte[] json) {
        try (JsonParser parser = JSON.createParser(json)) {
            JsonToken first = parser.nextToken();
            if (name.equals("usage")) {
                usage(parser, first);
            } else if (first == JsonToken.VALUE_STRING) {
                finishReason = parser.getText();
            }
        } catch (IOException notJson) {
            // Not said, then.
        }
    }

    /** Several events may carry usage, each the running total of its counts or a part of them; so the largest of each counts. */
    private void usage(JsonParser parser, JsonToken first) throws IOException {
        if (first != JsonToken.START_OBJECT) {
            return;
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (value == JsonToken.VALUE_NUMBER_INT) {
                long count = Math.max(0, Math.min(parser.getLongValue(), Integer.MAX_VALUE));
                switch (name) {
                    case "prompt_tokens", "input_tokens" -> promptTokens = Math.max(promptTokens, count);
                    case "completion_tokens", "output_tokens" -> completionTokens = Math.max(completionTokens, count);
                    case "total_tokens" -> totalTokens = Math.max(totalTokens, count);
                    default -> {}
                }
            } else {
                parser.skipChildren();
            }
        }
    }

    // ---- after the end

    /** Tokens of the request, or {@link Activity#UNKNOWN}. */
    long promptTokens() {
        return promptTokens;
    }

    /** Tokens of the answer, or {@link Activity#UNKNOWN}; embeddings have none. */
    long completionTokens() {
        return completionTokens == Activity.UNKNOWN && endpoint == Endpoint.EMBEDDINGS && promptTokens >= 0
                ? 0
                : completionTokens;
    }

    /** All tokens, 0 if they are not known. */
    long tokens() {
        return totalTokens > 0 ? totalTokens : Math.max(0, promptTokens) + Math.max(0, completionTokens);
    }

    /** Why the answer ended, in the provider's words; null if it did not say. */
    String finishReason() {
        return finishReason;
    }
}
