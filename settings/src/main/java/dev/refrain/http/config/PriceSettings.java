package dev.refrain.http.config;

import java.math.BigDecimal;

/**
 * The price of a model's tokens.
 *
 * @param model as requests name it
 * @param prompt price of a million tokens of requests
 * @param completion price of a million tokens of answers; 0 for embeddings
 */
public record PriceSettings(
        @Setting(allowed = "the name of a model, used once") String model,

        @Setting(allowed = Setting.PRICE) BigDecimal prompt,
        @Setting(allowed = Setting.PRICE) BigDecimal completion) {
    private static final BigDecimal MAX = BigDecimal.valueOf(1_000_000);

    /** Checks the ranges. */
    public PriceSettings {
        InvalidSetting.unless(model != null && !model.isBlank(), "model");
        check(prompt, "prompt");
        check(completion, "completion");
    }

    private static void check(BigDecimal price, String name) {
        InvalidSetting.unless(price != null && price.signum() >= 0 && price.compareTo(MAX) <= 0, name);
    }
}
