package dev.refrain.cassettes;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * What a run knows of one request: identical ones are answered one after the other, so that a failure and the answer to
 * its repetition are recorded, and played, in their order. Guarded by itself.
 */
final class Track {
    /** What this run has recorded, or may play; in the order of attempts. */
    final List<Folder.Entry> entries = new ArrayList<>();
    /** Requests that wait for the call under way. */
    final Deque<Turn> waiting = new ArrayDeque<>();
    /** Requests that got an answer. */
    int served;
    /** Whether a call to the provider is under way. */
    boolean calling;
}
