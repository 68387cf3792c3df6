package dev.refrain.engine;

/**
 * When a call that its upstream has paused may go on. A leader without followers sets the pace. Followers never do.
 * With followers, the leader slows the call only if it lags by the length of the longest answer, or memory is tight.
 * This bounds what its sink has to hold. Guarded by the flight's monitor.
 */
final class CallPace {
    /** In bytes. */
    private final long maxLag;

    /** What resumes the call; null while it is not paused. */
    private Runnable paused;
    /** Whether a whenDrained action of the leader is pending. */
    private boolean leaderAsked;
    /** Bytes passed to the leader since it was last drained. */
    private long leaderLag;

    CallPace(long maxLag) {
        this.maxLag = maxLag;
    }

    void passed(int bytes) {
        leaderLag += bytes;
    }

    /** Pauses the call. Returns whether the leader is to be asked when it is drained. */
    boolean pause(Runnable resume) {
        boolean ask = !leaderAsked;
        paused = resume;
        leaderAsked = true;
        return ask;
    }

    void leaderDrained() {
        leaderAsked = false;
        leaderLag = 0;
    }

    boolean isPaused() {
        return paused != null;
    }

    /**
     * Whether the call may go on while its leader is there.
     *
     * @param forOthers whether followers want it to, and there is memory for what the leader does not take
     */
    boolean mayGoOn(boolean forOthers) {
        return !leaderAsked || (leaderLag <= maxLag && forOthers);
    }

    /** What resumes the call, which is not paused any more. */
    Runnable resume() {
        Runnable action = paused;
        paused = null;
        return action;
    }
}
