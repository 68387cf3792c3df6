package dev.refrain.console.activity;

/**
 * How far back the log was read. Immutable and thread-safe.
 *
 * @param complete whether the walk read all it was asked to; if not, its time ran out
 * @param records how many records it read, whether or not they matched
 * @param oldestMillis when the oldest of them came, milliseconds since the epoch; {@link Long#MAX_VALUE} for none
 */
public record Reach(boolean complete, long records, long oldestMillis) {}
