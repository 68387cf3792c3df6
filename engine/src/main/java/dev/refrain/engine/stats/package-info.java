/**
 * Statistics of a cache and facts of one entry, as immutable records of {@link dev.refrain.engine.CacheAdmin}. Stable
 * API. Unless a record says otherwise, nothing is null. The package does not depend on the root package.
 */
package dev.refrain.engine.stats;
