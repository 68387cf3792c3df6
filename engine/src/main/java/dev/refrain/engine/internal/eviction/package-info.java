/**
 * Decides what is evicted when a segment is full. It has arithmetic and memory of its own, and nothing of Chronicle
 * Map, so that the store and the comparison of policies (module jmh) run the same code.
 *
 * <p>{@link dev.refrain.engine.internal.eviction.EvictionPolicy} is the way in. Calls for hits come from any number of
 * threads without a lock; what they write may get lost in a race, which costs a little accuracy and nothing else.
 */
package dev.refrain.engine.internal.eviction;
