package dev.refrain.semantics.replay;

import dev.refrain.semantics.RequestFields;
import java.util.Locale;

/**
 * The pace at which a request wants a stored stream to be replayed (wire rule W87). Immutable and thread-safe.
 *
 * @param kind how the pace is found
 * @param tokensPerSecond for {@link Kind#TOKENS}; else 0
 */
public record Replay(Kind kind, int tokensPerSecond) {
    /** The request field that names the pace. */
    public static final String FIELD = "X-Refrain-Replay";

    /** How a pace is found. */
    public enum Kind {
        /** All at once. */
        INSTANT,
        /** The pace at which the stream arrived when it was fetched. */
        RECORDED,
        /** A number of tokens a second. */
        TOKENS,
        /** The field is invalid. */
        INVALID
    }

    /** All at once. */
    public static final Replay INSTANT = new Replay(Kind.INSTANT, 0);

    private static final Replay RECORDED = new Replay(Kind.RECORDED, 0);
    private static final Replay INVALID = new Replay(Kind.INVALID, 0);

    private static final String UNIT = "tps";
    private static final int MOST_DIGITS = 5;

    /** Reads the field; without one, the stream is replayed at once. */
    public static Replay of(RequestFields fields) {
        String value = fields.first(FIELD);
        if (value == null) {
            return INSTANT;
        }
        String text = value.strip().toLowerCase(Locale.ROOT);
        if (text.equals("instant")) {
            return INSTANT;
        } else if (text.equals("recorded")) {
            return RECORDED;
        }
        String digits = text.endsWith(UNIT) ? text.substring(0, text.length() - UNIT.length()) : "";
        boolean isNumber = !digits.isEmpty()
                && digits.length() <= MOST_DIGITS
                && digits.chars().allMatch(c -> c >= '0' && c <= '9');
        int number = isNumber ? Integer.parseInt(digits) : 0;
        return number > 0 ? new Replay(Kind.TOKENS, number) : INVALID;
    }

    /** Whether the stream is replayed at once. */
    public boolean isInstant() {
        return kind == Kind.INSTANT;
    }

    /** Whether the field is valid. */
    public boolean isValid() {
        return kind != Kind.INVALID;
    }
}
