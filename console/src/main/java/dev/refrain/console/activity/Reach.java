package dev.refrain.console.activity;

/**
 * How far back the log was read. Immutable and thread-safe.
 *
 * @param complete whether everything was read that was asked for; if not, the time for it was over
 * @param records that were read, whether or not they matched
 * @param oldestMillis when the oldest of them came, milliseconds since the epoch; {@link Long#MAX_VALUE} if there was
 *     none
 */
public record Reach(boolean complete, long records, long oldestMillis) {}
