package dev.refrain.http.proxy;

import java.time.Duration;

/**
 * What clients may cost that do not take their answers.
 *
 * @param heap what all of them together may have waiting for them
 * @param timeout the longest wait for one of them to take more
 */
record Patience(HeapShare heap, Duration timeout) {}
