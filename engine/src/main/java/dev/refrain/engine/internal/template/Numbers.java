package dev.refrain.engine.internal.template;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.refrain.engine.exchange.AnswerFacts;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;

/** Reads the numbers of a usage. Impossible values are ignored. */
final class Numbers {
    /** Limit of a count of tokens: far above any real count, and far below what could overflow a sum. */
    private static final long MAX_COUNT = Integer.MAX_VALUE;
    /** The largest cost of one answer: a million of any currency, in billionths. */
    private static final long MAX_NANOS = 1_000_000_000_000_000L;
    /** Limit of an amount of money, in characters. Longer numbers are no amounts of money, and take long to parse. */
    private static final int MAX_DIGITS = 40;

    private Numbers() {}

    /**
     * The current token as a count. A negative number counts as 0. Returns {@code before} for a token that is not a
     * whole number in the range of a long.
     */
    static long count(JsonParser parser, JsonToken token, long before) throws IOException {
        if (token != JsonToken.VALUE_NUMBER_INT || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
            return before;
        }
        return Math.max(0, Math.min(parser.getLongValue(), MAX_COUNT));
    }

    /** The current number as money, in billionths; unknown if it is impossible. */
    static long nanos(JsonParser parser) throws IOException {
        if (parser.getTextLength() > MAX_DIGITS) {
            return AnswerFacts.UNKNOWN;
        }
        BigDecimal amount = new BigDecimal(parser.getText());
        // Check the exponent first: a scale of millions would expand to as many digits.
        if (amount.signum() < 0 || amount.precision() - amount.scale() > 7) {
            return AnswerFacts.UNKNOWN;
        }
        if (amount.precision() - amount.scale() < -9) {
            return 0;
        }
        return Math.min(
                MAX_NANOS,
                amount.movePointRight(9).setScale(0, RoundingMode.HALF_UP).longValueExact());
    }
}
