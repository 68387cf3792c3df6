package dev.refrain.engine.internal.hot;

/**
 * Tells what is asked for a second time in a while from what is asked for once, such as everything in a scan. Remembers a hash until
 * another one takes its place. Racing threads may forget one, which costs a copy made later and nothing else.
 */
public final class Doorkeeper {
    private final int[] seen;

    /** @param size a power of two: about how many others may come by until one is forgotten */
    public Doorkeeper(int size) {
        seen = new int[size];
    }

    /** Whether a hash was asked about lately. If not, it is remembered; if so, forgotten. */
    public boolean admits(long hash) {
        int at = (int) (hash >>> 10) & (seen.length - 1);
        int mark = (int) (hash >>> 32) | 1;
        boolean known = seen[at] == mark;
        seen[at] = known ? 0 : mark;
        return known;
    }
}
