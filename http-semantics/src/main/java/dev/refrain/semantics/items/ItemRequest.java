package dev.refrain.semantics.items;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A request for embeddings of several inputs, from which requests for some of the inputs are made. Each request that is
 * made keeps everything around the list of inputs exactly as it was sent. Immutable; the body is not copied.
 */
final class ItemRequest {
    /** At most this many inputs; OpenAI takes no more in one request. */
    static final int MOST_ITEMS = 2048;

    /** Further members that apply to each input by itself, as vendors document them. */
    private static final List<String> OF_EACH = List.of(
            "dimensions", "user", "input_type", "task", "task_type", "truncate", "truncation", "output_dimension");

    private final byte[] body;
    /** Position after the bracket that opens the list. */
    private final int listFrom;
    /** Position of the bracket that closes the list. */
    private final int listTo;
    /** Begin and end of each item, alternating. */
    private final int[] spans;

    private ItemRequest(byte[] body, int listFrom, int listTo, int[] spans) {
        this.body = body;
        this.listFrom = listFrom;
        this.listTo = listTo;
        this.spans = spans;
    }

    /**
     * A request whose items can be fetched one by one. Its input must be a list of 2 to {@link #MOST_ITEMS} texts or
     * lists of token numbers, none of them empty. Unknown members and formats are refused: with {@code late_chunking},
     * for example, a vector depends on the other inputs.
     *
     * @param body a well-formed JSON object
     * @param mostBytes limit, in bytes, of the frame around the items if it is repeated for each item
     * @return null for any other request
     */
    static ItemRequest of(byte[] body, long mostBytes) {
        Reader reader = new Reader(body);
        int end = JsonSpans.members(body, JsonSpans.space(body, 0, body.length), body.length, reader);
        if (end < 0 || !reader.hasModel || reader.listFrom == 0) {
            return null;
        }
        int[] spans = reader.spans();
        ItemRequest request = new ItemRequest(body, reader.listFrom, reader.listTo, spans);
        int count = request.size();
        long around = (long) (body.length - (reader.listTo - reader.listFrom)) * count;
        return count < 2 || count > MOST_ITEMS || around > mostBytes ? null : request;
    }

    /** Reads the members that matter. */
    private static final class Reader implements JsonSpans.Member {
        private final byte[] body;
        private final List<Integer> found = new ArrayList<>();
        private boolean hasModel;
        private int listFrom;
        private int listTo;

        Reader(byte[] body) {
            this.body = body;
        }

        int[] spans() {
            return found.stream().mapToInt(Integer::intValue).toArray();
        }

        @Override
        public boolean at(int nameFrom, int nameTo, int from, int to) {
            for (int i = nameFrom; i < nameTo; i++) {
                if (body[i] == '\\') {
                    // An escaped name could be any of the names below.
                    return false;
                }
            }
            if (JsonSpans.is(body, nameFrom, nameTo, "model")) {
                boolean first = !hasModel;
                hasModel = true;
                return first && body[from] == '"';
            } else if (JsonSpans.is(body, nameFrom, nameTo, "encoding_format")) {
                return JsonSpans.is(body, from, to, "\"float\"") || JsonSpans.is(body, from, to, "\"base64\"");
            } else if (JsonSpans.is(body, nameFrom, nameTo, "input")) {
                boolean first = listFrom == 0;
                listFrom = from + 1;
                listTo = to - 1;
                return first && JsonSpans.elements(body, from, to, this::item) == to;
            }
            return OF_EACH.stream().anyMatch(name -> JsonSpans.is(body, nameFrom, nameTo, name));
        }

        private boolean item(int from, int to) {
            boolean isText = body[from] == '"';
            boolean alike = found.isEmpty() || isText == (body[found.get(0)] == '"');
            found.add(from);
            found.add(to);
            return alike && found.size() <= 2 * MOST_ITEMS && (isText ? to - from > 2 : isTokens(from, to));
        }

        private boolean isTokens(int from, int to) {
            boolean hasDigit = false;
            for (int i = from + 1; i < to - 1; i++) {
                byte c = body[i];
                boolean isDigit = c >= '0' && c <= '9';
                hasDigit |= isDigit;
                if (!isDigit && c != ',' && JsonSpans.space(body, i, i + 1) == i) {
                    return false;
                }
            }
            return body[from] == '[' && hasDigit;
        }
    }

    int size() {
        return spans.length / 2;
    }

    /**
     * Size of an item: bytes of a text, or number of tokens. The provider's token count is divided in this proportion.
     */
    int weight(int item) {
        int from = spans[2 * item];
        int to = spans[2 * item + 1];
        if (body[from] == '"') {
            return to - from - 2;
        }
        int tokens = 1;
        for (int i = from; i < to; i++) {
            tokens += body[i] == ',' ? 1 : 0;
        }
        return tokens;
    }

    /** The body of the request for one item alone: a list of one. */
    byte[] alone(int item) {
        return with(List.of(item));
    }

    /** The body of the request for some items, in the given order. */
    byte[] with(List<Integer> items) {
        int length = listFrom + body.length - listTo + items.size() - 1;
        for (int item : items) {
            length += spans[2 * item + 1] - spans[2 * item];
        }
        byte[] made = Arrays.copyOf(body, length);
        int at = listFrom;
        for (int item : items) {
            if (at > listFrom) {
                made[at++] = ',';
            }
            int size = spans[2 * item + 1] - spans[2 * item];
            System.arraycopy(body, spans[2 * item], made, at, size);
            at += size;
        }
        System.arraycopy(body, listTo, made, at, body.length - listTo);
        return made;
    }
}
