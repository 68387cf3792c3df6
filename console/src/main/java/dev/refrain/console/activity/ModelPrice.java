package dev.refrain.console.activity;

import java.math.BigDecimal;

/**
 * The price of a model's tokens. Immutable; nothing is null.
 *
 * @param model as requests name it
 * @param prompt price of a million tokens of requests
 * @param completion price of a million tokens of answers; 0 for embeddings
 */
public record ModelPrice(String model, BigDecimal prompt, BigDecimal completion) {}
