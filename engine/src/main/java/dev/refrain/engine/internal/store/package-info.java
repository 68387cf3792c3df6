/**
 * The memory-mapped store. No other package uses Chronicle Map.
 *
 * <p>Priorities, in this order: never take the process down, never serve bytes that were not stored, never block for
 * long, keep entries. The critical path is {@link dev.refrain.engine.internal.store.ChronicleStore#get}: one read
 * lock of one segment, shared with other processes. Lock order: gate of the lock file, then segment; never two
 * segments at once.
 */
package dev.refrain.engine.internal.store;
