package dev.refrain.engine;

/**
 * Decides when an upstream call that waits for its readers may go on. A leader without followers sets the pace.
 * Followers never do. With followers, the leader slows the call only if it lags by the length of the longest stored
 * answer, or if memory is tight. This bounds what the leader's sink has to hold. Guarded by the flight's monitor.
 */
final class CallPace {
    /** Limit of the leader's lag while followers read, in bytes. */
    private final long maxLag;

    /** Resumes the call; null while it is not paused. */
    private Runnable paused;
    /** Whether a whenDrained action of the leader is pending. */
    private boolean leaderAsked;
    /** Bytes passed to the leader since its sink was last drained. */
    private long leaderLag;

    CallPace(long maxLag) {
        this.maxLag = maxLag;
    }

    void passed(int bytes) {
        leaderLag += bytes;
    }

    /** Pauses the call. Returns whether the caller must ask the leader's sink to report when it is drained. */
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
     * Whether the call may go on, as long as its leader has not left.
     *
     * @param forOthers whether followers read on and there is memory for the bytes that the leader has not taken yet
     */
    boolean mayGoOn(boolean forOthers) {
        return !leaderAsked || (leaderLag <= maxLag && forOthers);
    }

    /** Takes the action that resumes the call, which then counts as running. */
    Runnable resume() {
        Runnable action = paused;
        paused = null;
        return action;
    }
}
