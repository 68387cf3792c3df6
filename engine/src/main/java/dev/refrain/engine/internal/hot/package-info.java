/**
 * Copies of what is asked for often, outside the heap and in this process alone. Reading takes no lock and leaves no
 * garbage; at most one thread writes, and others that would wait for it do without.
 *
 * <p>What stands here is never the truth: who finds a copy asks the store
 * whether it still holds the entry that was copied.
 */
package dev.refrain.engine.internal.hot;
