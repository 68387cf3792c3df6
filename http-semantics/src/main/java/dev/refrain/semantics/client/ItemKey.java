package dev.refrain.semantics.client;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * Builds the JSON object from which the key of an item in an {@link ItemCache} is made. Two items have equal objects
 * only if everything that was added is equal. Used by one thread.
 */
public final class ItemKey {
    private final StringBuilder json = new StringBuilder(256);

    /** Begins with the name of the model. */
    public ItemKey(String model) {
        json.append("{\"model\":");
        quote(model);
    }

    /**
     * Adds named values, whose order does not matter. The number 1 and the text 1 differ. An empty map adds nothing.
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

    /** Adds a flag that is set. */
    public ItemKey with(String name) {
        begin(name).append("true");
        return this;
    }

    /** The JSON object with all that was added and the item itself, in UTF-8. */
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

    /**
     * Writes a JSON string (RFC 8259, 7). A surrogate without its other half has no form in UTF-8, so it is escaped.
     */
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
