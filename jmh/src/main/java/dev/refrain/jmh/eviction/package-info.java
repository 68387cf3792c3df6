/**
 * Replays traces of requests against the store's eviction policy and against others, which measures hits, not time.
 * Single-threaded, and the same in every run, except for the store's random samples.
 * {@link dev.refrain.jmh.eviction.Stalls} measures times.
 */
package dev.refrain.jmh.eviction;
