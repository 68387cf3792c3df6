/**
 * Decides which entries are evicted when a segment is full. The code does not use Chronicle Map, so that the store and
 * the comparison of policies (module jmh) run the same code.
 *
 * <p>{@link dev.refrain.engine.internal.eviction.EvictionPolicy} is the entry point. Any number of threads report hits
 * without a lock. A race may lose an update, which only costs a little accuracy.
 */
package dev.refrain.engine.internal.eviction;
