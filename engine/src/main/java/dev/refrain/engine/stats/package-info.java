/**
 * What a cache says of itself: its figures, and what is known of one entry. Plain records, made by
 * {@link dev.refrain.engine.CacheAdmin}. Stable API, like the root package, which it knows nothing of.
 */
package dev.refrain.engine.stats;
