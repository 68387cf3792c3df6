package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Prices of tokens, as configured. Money is counted in billionths of the currency. Immutable and thread-safe. */
public final class Prices {
    /**
     * The power of ten that turns the price of a million tokens into billionths for one token: 9 for the billionths,
     * less 6 for the million.
     */
    private static final int SCALE = 3;

    private static final long UNIT = 1_000_000_000;

    /** Billionths for a token, times {@link #FINE}, as a price may be finer than a billionth. */
    private record Price(long prompt, long completion) {}

    private static final long FINE = 1000;

    private final Map<String, Price> byModel = new HashMap<>();

    /** Prices as configured. */
    public Prices(List<ModelPrice> prices) {
        for (ModelPrice price : prices) {
            byModel.put(price.model(), new Price(fine(price.prompt()), fine(price.completion())));
        }
    }

    private static long fine(BigDecimal perMillion) {
        return perMillion
                .movePointRight(SCALE)
                .multiply(BigDecimal.valueOf(FINE))
                .setScale(0, RoundingMode.HALF_UP)
                .longValueExact();
    }

    /**
     * The cost of an answer in billionths: what the provider says, else its tokens at the model's configured price.
     * {@link Activity#UNKNOWN} if there is no price, or the split of the tokens is not known.
     */
    public long nanos(String model, AnswerFacts answer) {
        if (answer.costNanos() >= 0) {
            return answer.costNanos();
        }
        Price price = byModel.get(model);
        return price == null || answer.promptTokens() < 0 || answer.completionTokens() < 0
                ? Activity.UNKNOWN
                : (answer.promptTokens() * price.prompt() + answer.completionTokens() * price.completion()) / FINE;
    }

    /** An amount of billionths as a decimal number without trailing zeros. */
    static String text(long nanos) {
        StringBuilder text = new StringBuilder(24).append(nanos / UNIT);
        long rest = nanos % UNIT;
        if (rest > 0) {
            text.append('.');
            for (long digit = UNIT / 10; rest > 0; digit /= 10) {
                text.append((char) ('0' + rest / digit));
                rest %= digit;
            }
        }
        return text.toString();
    }

    /** Billionths as an amount of money, or null if they are {@link Activity#UNKNOWN}. */
    static BigDecimal amount(long nanos) {
        if (nanos == Activity.UNKNOWN) {
            return null;
        }
        BigDecimal amount = BigDecimal.valueOf(nanos, 9).stripTrailingZeros();
        return amount.scale() < 0 ? amount.setScale(0) : amount;
    }
}
