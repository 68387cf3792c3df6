package dev.refrain.cassettes;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The state of one request in a run. Identical requests are answered one after the other, so that a failure and the
 * answer to its retry are recorded and played in their order. Guarded by itself.
 */
final class Track {
    /** Recordings that this run has made, or may play, in the order of attempts. */
    final List<Folder.Entry> entries = new ArrayList<>();
    /** Requests that wait for the call under way. */
    final Deque<Turn> waiting = new ArrayDeque<>();
    /** Index of the recording to play next. If there are fewer recordings, the last one may be played again. */
    int served;
    /** Whether a call to the provider is under way. */
    boolean calling;
}
