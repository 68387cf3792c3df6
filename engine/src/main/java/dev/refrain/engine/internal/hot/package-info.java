/**
 * Copies of frequently requested answers, in direct memory and for this process only. Reading takes no lock and leaves
 * no garbage. At most one thread writes; other writers give up instead of waiting.
 *
 * <p>A copy may be stale. A caller that finds one asks the store whether it still has the entry that was copied.
 */
package dev.refrain.engine.internal.hot;
