package dev.refrain.cassettes;

/** How fast event streams are played. */
public enum Pace {
    /** As fast as the client reads. */
    INSTANT,
    /** With the recorded pauses. */
    RECORDED
}
