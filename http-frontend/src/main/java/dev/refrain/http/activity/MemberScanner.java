package dev.refrain.http.activity;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Picks a few members out of a JSON document that passes by, byte by byte, without holding it: keeps track of strings and nesting
 * only, and copies the values of the members that are wanted. It validates nothing; of what is no JSON it makes something or nothing.
 */
final class MemberScanner {
    /** Told of the members that are wanted. */
    interface Members {
        /**
         * Whether a member's value is wanted.
         *
         * @param depth 1 for the members of the document's own object
         * @param parent the name of the member at depth 1 that it is in, or is
         */
        boolean wants(int depth, String parent, String name);

        /** The value of a member that was wanted, as JSON. */
        void value(int depth, String parent, String name, byte[] json);
    }

    /** Names that are longer are none that is wanted. */
    private static final int MAX_NAME = 24;
    /** Values that are longer are none that is understood. */
    private static final int MAX_VALUE = 8 * 1024;
    /** Deeper than that there is nothing that is wanted. */
    private static final int MAX_DEPTH = 3;

    private final Members members;
    private final byte[] name = new byte[MAX_NAME];
    private int nameLength;
    private int depth;
    private boolean inString;
    private boolean escaped;
    /** Bit n: the level n is an object. */
    private int objects;
    /** In an object: the next string is a name. */
    private boolean nameIsNext;

    private boolean inName;
    private String parent = "";

    private ByteArrayOutputStream value;
    private String valueName;
    private int valueDepth;

    MemberScanner(Members members) {
        this.members = members;
    }

    /** A new document begins. */
    void reset() {
        depth = 0;
        inString = false;
        escaped = false;
        nameIsNext = false;
        inName = false;
        value = null;
        parent = "";
    }

    void feed(byte b) {
        if (inString) {
            inString(b);
            return;
        }
        switch (b) {
            case '"' -> {
                inString = true;
                inName = nameIsNext;
                nameLength = 0;
            }
            case '{', '[' -> {
                depth++;
                nameIsNext = b == '{' && depth <= MAX_DEPTH;
                objects = b == '{' ? objects | bit() : objects & ~bit();
            }
            case '}', ']' -> {
                if (value != null && depth == valueDepth) {
                    endValue();
                }
                depth--;
                nameIsNext = false;
            }
            case ',' -> {
                if (value != null && depth == valueDepth) {
                    endValue();
                }
                nameIsNext = depth <= MAX_DEPTH && (objects & bit()) != 0;
            }
            case ':' -> {
                nameIsNext = false;
                if (depth == 1) {
                    parent = "";
                }
                if (nameLength > 0 && value == null && depth <= MAX_DEPTH) {
                    beginValue();
                    return;
                }
            }
            default -> {}
        }
        keep(b);
    }

    private void inString(byte b) {
        if (escaped) {
            escaped = false;
        } else if (b == '\\') {
            escaped = true;
        } else if (b == '"') {
            inString = false;
            nameLength = inName ? nameLength : 0;
            inName = false;
            keep(b);
            return;
        }
        if (inName) {
            if (nameLength < MAX_NAME) {
                name[nameLength++] = b;
            } else {
                inName = false;
            }
        }
        keep(b);
    }

    private void beginValue() {
        String found = new String(name, 0, nameLength, StandardCharsets.ISO_8859_1);
        nameLength = 0;
        if (depth == 1) {
            parent = found;
        }
        if (members.wants(depth, parent, found)) {
            value = new ByteArrayOutputStream(64);
            valueName = found;
            valueDepth = depth;
        }
    }

    private void keep(byte b) {
        if (value != null) {
            if (value.size() < MAX_VALUE) {
                value.write(b);
            } else {
                value = null;
            }
        }
    }

    private void endValue() {
        byte[] json = value.toByteArray();
        value = null;
        members.value(valueDepth, parent, valueName, json);
    }

    private int bit() {
        return depth < Integer.SIZE ? 1 << depth : 0;
    }
}
