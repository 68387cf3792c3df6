package dev.refrain.semantics.items;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An answer with embeddings, split into its items and the frame around their list. The bytes of each item are those
 * that the provider sent, except for the number at {@code index}. Immutable; the bytes are not copied.
 */
final class ItemAnswer {
    private static final JsonFactory JSON = new JsonFactory();

    private static final int UNSET = -1;

    /**
     * The frame is all of the answer but its list of items. It is stored with each item, so it is limited to this many
     * bytes; vendors need some two hundred.
     */
    private static final int MOST_AROUND = 16 * 1024;

    /**
     * A number with more digits before or after its decimal point is not divided among the items; no usage has so many.
     */
    private static final int MOST_DIGITS = 18;

    private final byte[] bytes;
    private final int length;
    /** Position after the bracket that opens the list. */
    private final int listFrom;
    /** Position of the bracket that closes the list. */
    private final int listTo;
    /** Four positions for each item: its begin, begin and end of its index, and its end. */
    private final int[] spans;
    /** Whether the vectors are texts in base64, and not lists of numbers. */
    private final boolean isText;

    private final int usageFrom;
    private final int usageTo;
    private final int idFrom;
    private final int idTo;

    private ItemAnswer(byte[] bytes, int length, Reader from, boolean isText) {
        this.bytes = bytes;
        this.length = length;
        this.listFrom = from.listFrom;
        this.listTo = from.listTo;
        this.spans = from.found.stream().mapToInt(Integer::intValue).toArray();
        this.isText = isText;
        this.usageFrom = from.usageFrom;
        this.usageTo = from.usageTo;
        this.idFrom = from.idFrom;
        this.idTo = from.idTo;
    }

    /**
     * Splits an answer, if all its members are known, and it has the requested number of items in their order.
     *
     * @param bytes must not change while the result is in use
     * @param length how many of the bytes are the answer
     * @return null for any other answer
     */
    static ItemAnswer of(byte[] bytes, int length, int count) {
        Reader reader = new Reader(bytes, count);
        int end = JsonSpans.members(bytes, JsonSpans.space(bytes, 0, length), length, reader);
        if (end < 0
                || JsonSpans.space(bytes, end, length) != length
                || reader.listFrom == 0
                || reader.found.size() != 4 * count
                || (reader.texts != 0 && reader.texts != count)) {
            return null;
        }
        ItemAnswer answer = new ItemAnswer(bytes, length, reader, reader.texts > 0);
        return answer.aroundLength(2) > MOST_AROUND ? null : answer;
    }

    /** Reads the answer's members, and those of its items. */
    private static final class Reader implements JsonSpans.Member {
        private final byte[] bytes;
        private final int count;
        private final List<Integer> found = new ArrayList<>();
        private int texts;
        private int listFrom;
        private int listTo;
        private int usageFrom = UNSET;
        private int usageTo = UNSET;
        private int idFrom = UNSET;
        private int idTo = UNSET;
        private int objects;
        private int models;

        Reader(byte[] bytes, int count) {
            this.bytes = bytes;
            this.count = count;
        }

        @Override
        public boolean at(int nameFrom, int nameTo, int from, int to) {
            if (JsonSpans.is(bytes, nameFrom, nameTo, "data")) {
                boolean first = listFrom == 0;
                listFrom = from + 1;
                listTo = to - 1;
                return first && JsonSpans.elements(bytes, from, to, this::item) == to;
            } else if (JsonSpans.is(bytes, nameFrom, nameTo, "usage")) {
                boolean first = usageFrom == UNSET;
                usageFrom = from;
                usageTo = to;
                return first && bytes[from] == '{';
            } else if (JsonSpans.is(bytes, nameFrom, nameTo, "id")) {
                boolean first = idFrom == UNSET;
                idFrom = from;
                idTo = to;
                return first && bytes[from] == '"';
            } else if (JsonSpans.is(bytes, nameFrom, nameTo, "object")) {
                return objects++ == 0;
            }
            return JsonSpans.is(bytes, nameFrom, nameTo, "model") && models++ == 0;
        }

        private boolean item(int from, int to) {
            Item item = new Item();
            boolean isOneMore = found.size() == 4 * count;
            if (isOneMore || JsonSpans.members(bytes, from, to, item) != to || item.index == 0 || item.vector == 0) {
                return false;
            }
            String position = Integer.toString(found.size() / 4);
            found.addAll(List.of(from, item.index, item.indexTo, to));
            texts += bytes[item.vector] == '"' ? 1 : 0;
            return JsonSpans.is(bytes, item.index, item.indexTo, position)
                    && (bytes[item.vector] == '"' || bytes[item.vector] == '[');
        }

        private final class Item implements JsonSpans.Member {
            private int index;
            private int indexTo;
            private int vector;
            private int objects;

            @Override
            public boolean at(int nameFrom, int nameTo, int from, int to) {
                if (JsonSpans.is(bytes, nameFrom, nameTo, "index")) {
                    boolean first = index == 0;
                    index = from;
                    indexTo = to;
                    return first;
                } else if (JsonSpans.is(bytes, nameFrom, nameTo, "embedding")) {
                    boolean first = vector == 0;
                    vector = from;
                    return first;
                }
                return JsonSpans.is(bytes, nameFrom, nameTo, "object") && objects++ == 0;
            }
        }
    }

    int size() {
        return spans.length / 4;
    }

    /** Whether the items of both answers fit into one: the frames are equal, except for usage and the answer's id. */
    boolean goesWith(ItemAnswer other) {
        return isText == other.isText && Arrays.equals(frame(), other.frame());
    }

    /** The frame around the items, without the values of usage and id. */
    private byte[] frame() {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        copyAround(0, listFrom, "", "", frame);
        copyAround(listTo, length, "", "", frame);
        return frame.toByteArray();
    }

    /** Whether the frame around the items is valid JSON. */
    boolean isWellFormed() {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.write(bytes, 0, listFrom);
        frame.write(bytes, listTo, length - listTo);
        try (JsonParser parser = JSON.createParser(frame.toByteArray())) {
            while (parser.nextToken() != null) {
                parser.finishToken();
            }
            return true;
        } catch (IOException malformed) {
            return false;
        }
    }

    private void copyAround(int from, int to, String usage, String id, ByteArrayOutputStream into) {
        int at = from;
        // At most two values are replaced, usage and id, in the order of their positions.
        boolean usageFirst = usageFrom < idFrom;
        for (int i = 0; i < 2; i++) {
            boolean isUsage = usageFirst == (i == 0);
            int cut = isUsage ? usageFrom : idFrom;
            int cutTo = isUsage ? usageTo : idTo;
            String by = isUsage ? usage : id;
            if (cut >= at && cutTo <= to && by != null) {
                into.write(bytes, at, cut - at);
                into.writeBytes(by.getBytes(StandardCharsets.ISO_8859_1));
                at = cutTo;
            }
        }
        into.write(bytes, at, to - at);
    }

    // ---- the answer to a single item

    /**
     * The answer to a request for one item alone.
     *
     * @param before sum of the weights of the items before it
     * @param weight of this item
     * @param all sum of the weights of all items
     */
    byte[] alone(int item, long before, long weight, long all) {
        String usage = usageFrom == UNSET ? null : share(before, weight, all);
        ByteArrayOutputStream made = new ByteArrayOutputStream(length / size() + 256);
        copyAround(0, listFrom, usage, null, made);
        made.write(bytes, listFrom, lead());
        writeItem(item, 0, made);
        int last = spans[spans.length - 1];
        made.write(bytes, last, listTo - last);
        copyAround(listTo, length, usage, null, made);
        return made.toByteArray();
    }

    /** Usage with this item's share of each number. The shares of a whole number add up to it. */
    private String share(long before, long weight, long all) {
        StringBuilder usage = new StringBuilder();
        int[] at = {usageFrom};
        JsonSpans.members(bytes, usageFrom, usageTo, (nameFrom, nameTo, from, to) -> {
            if (bytes[from] >= '0' && bytes[from] <= '9') {
                usage.append(text(at[0], from)).append(share(text(from, to), before, weight, all));
                at[0] = to;
            }
            return true;
        });
        return usage.append(text(at[0], usageTo)).toString();
    }

    private static String share(String number, long before, long weight, long all) {
        try {
            BigDecimal whole = new BigDecimal(number);
            if (whole.scale() > MOST_DIGITS || (long) whole.precision() - whole.scale() > MOST_DIGITS || all == 0) {
                return number;
            }
            if (whole.scale() > 0) {
                return whole.multiply(BigDecimal.valueOf(weight))
                        .divide(BigDecimal.valueOf(all), MathContext.DECIMAL32)
                        .toPlainString();
            }
            BigInteger sum = whole.toBigIntegerExact();
            BigInteger parts = BigInteger.valueOf(all);
            return sum.multiply(BigInteger.valueOf(before + weight))
                    .divide(parts)
                    .subtract(sum.multiply(BigInteger.valueOf(before)).divide(parts))
                    .toString();
        } catch (NumberFormatException | ArithmeticException none) {
            return number;
        }
    }

    private String text(int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }

    // ---- parts of a joined answer

    /** Length of the white space between the list's bracket and its first item. */
    private int lead() {
        return spans[0] - listFrom;
    }

    /** Writes what stands before the first item. */
    void writeBefore(ByteArrayOutputStream into) {
        into.write(bytes, 0, spans[0]);
    }

    /** Writes what stands between two items. */
    void writeBetween(ByteArrayOutputStream into) {
        if (size() > 1) {
            into.write(bytes, spans[3], spans[4] - spans[3]);
        } else {
            into.write(',');
            into.write(bytes, listFrom, lead());
        }
    }

    /** Writes what stands after the last item. */
    void writeAfter(ByteArrayOutputStream into) {
        int last = spans[spans.length - 1];
        into.write(bytes, last, length - last);
    }

    /** Writes an item with this index in place of its own. */
    void writeItem(int item, int index, ByteArrayOutputStream into) {
        int at = 4 * item;
        into.write(bytes, spans[at], spans[at + 1] - spans[at]);
        into.writeBytes(Integer.toString(index).getBytes(StandardCharsets.US_ASCII));
        into.write(bytes, spans[at + 2], spans[at + 3] - spans[at + 2]);
    }

    /** Length of what {@link #writeItem} writes. */
    int itemLength(int item, int index) {
        int at = 4 * item;
        return spans[at + 1] - spans[at] + Integer.toString(index).length() + spans[at + 3] - spans[at + 2];
    }

    /** Length of what stands around {@code count} items. */
    long aroundLength(int count) {
        int last = spans[spans.length - 1];
        int between = size() > 1 ? spans[4] - spans[3] : 1 + lead();
        return spans[0] + (long) (count - 1) * between + length - last;
    }
}
