package dev.refrain.cassettes;

/** How fast event streams are played. */
public enum Pace {
    /** As fast as they are read. */
    INSTANT,
    /** With the pauses that they had. */
    RECORDED
}
