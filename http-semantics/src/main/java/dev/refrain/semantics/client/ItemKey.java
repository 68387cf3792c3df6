package dev.refrain.semantics.client;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * Puts together what the key of an item in an {@link ItemCache} is made of: a JSON object. Two items have the same one
 * only if all that was said of them is the same. Used by one thread.
 */
public final class ItemKey {
    private final StringBuilder json = new StringBuilder(256);

    /** Begins with the model that is asked for. */
    public ItemKey(String model) {
        json.append("{\"model\":");
        quote(model);
    }

    /**
     * Adds values by their names, in any order. The number 1 and the text 1 are different ones. Nothing is added if
     * there are none.
     *
     * @param values each may be null
     */
    public ItemKey with(String name, Map<String, ?> values) {
        if (values.isEmpty()) {
            return this;
        }
        begin(name).append('{');
        boolean isFirst = true;
        for (Map.Entry<String, ?> value : new TreeMap<String, Object>(values).entrySet()) {
            if (!isFirst) {
                json.append(',');
            }
            isFirst = false;
            quote(value.getKey());
            json.append(':');
            Object is = value.getValue();
            quote((is == null ? "" : is.getClass().getSimpleName()) + " " + is);
        }
        json.append('}');
        return this;
    }

    /** Adds that something is so. */
    public ItemKey with(String name) {
        begin(name).append("true");
        return this;
    }

    /** The key of an item: of all that was added before, and the item itself. */
    public byte[] of(String input) {
        begin("input");
        quote(input);
        return json.append('}').toString().getBytes(StandardCharsets.UTF_8);
    }

    private StringBuilder begin(String name) {
        json.append(',');
        quote(name);
        return json.append(':');
    }

    /** A string of RFC 8259, 7. A surrogate without its other half cannot be encoded, so it is escaped. */
    private void quote(String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isPair = Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            if (isPair) {
                json.append(c).append(text.charAt(++i));
            } else if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
