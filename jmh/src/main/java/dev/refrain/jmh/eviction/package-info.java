/**
 * Replays recorded requests against the store's eviction and against others. Measures hits, not time; single-threaded,
 * the same on every run but for the store's random samples.
 */
package dev.refrain.jmh.eviction;
