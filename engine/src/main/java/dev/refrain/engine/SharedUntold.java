package dev.refrain.engine;

import dev.refrain.engine.internal.store.UntoldFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What was removed here and other machines have not been told: in memory, and in a file, from which this program or
 * another one on the same store takes it when it was killed. What clients remove is written a moment later, on another
 * thread than theirs. Thread-safe.
 */
final class SharedUntold {
    private static final Logger LOG = LoggerFactory.getLogger(SharedUntold.class);

    /** Lines that wait to be written. With more, all there are in memory are written. */
    private static final int MAX_WAITING = 1_000;

    private final SharedUnraised unraised = new SharedUnraised();
    /** Null for a store without a file. */
    private final UntoldFile file;

    private final Executor threads;
    private final FailureLog notWritten = new FailureLog(
            "It could not be noted what other machines have not been told of removals. If this process is killed"
                    + " before, they never will be.");

    /** Guards those that wait, and whether somebody writes them. */
    private final Object waitingLock = new Object();

    private List<String> waiting = new ArrayList<>();
    private boolean isWriting;

    /** Whether the file says anything. Guarded by this. */
    private boolean isNoted;

    private volatile boolean isTakenOver;

    /**
     * For one cache.
     *
     * @param file null for a store without one
     * @param threads write to it
     */
    SharedUntold(UntoldFile file, Executor threads) {
        this.file = file;
        this.threads = threads;
    }

    SharedUnraised unraised() {
        return unraised;
    }

    /** Whether there was something in the file that another program has left, and not all has been told yet. */
    boolean isTakenOver() {
        return isTakenOver;
    }

    /** Keeps one that a client has removed. It is in the file a moment later. */
    void add(SharedUnraised.Kept kept) {
        unraised.add(kept);
        if (file == null) {
            return;
        }
        synchronized (waitingLock) {
            if (waiting.size() <= MAX_WAITING) {
                waiting.add(SharedUnraised.line(kept));
            }
            if (isWriting) {
                return;
            }
            isWriting = true;
        }
        threads.execute(this::writeWaiting);
    }

    private void writeWaiting() {
        while (true) {
            List<String> lines;
            synchronized (waitingLock) {
                lines = waiting;
                waiting = new ArrayList<>();
                if (lines.isEmpty()) {
                    isWriting = false;
                    return;
                }
            }
            note(lines);
        }
    }

    /** Keeps one that an operator has removed, and returns when it is in the file. */
    void addAtOnce(String name) {
        SharedUnraised.Kept kept = new SharedUnraised.Kept(name, null);
        unraised.add(kept);
        note(List.of(SharedUnraised.line(kept)));
    }

    private synchronized void note(List<String> lines) {
        if (file == null || !unraised.hasAny()) {
            // Told meanwhile.
            return;
        }
        isNoted = true;
        try {
            if (lines.size() > MAX_WAITING || !file.append(lines)) {
                replaceAll();
            }
        } catch (IOException e) {
            notWritten.add(e);
        }
    }

    private void replaceAll() throws IOException {
        do {
            takeOver();
        } while (!file.replace(unraised.lines()));
    }

    /**
     * Another program on the same store may have noted what it could not tell, such as the one that this one replaces.
     * Until that is told, the tier has what was removed here.
     */
    synchronized void takeOver() {
        if (file == null) {
            return;
        }
        try {
            List<String> lines = file.news();
            if (!lines.isEmpty()) {
                lines.forEach(unraised::addLine);
                isNoted = true;
                isTakenOver = true;
            }
        } catch (IOException e) {
            LOG.warn("It is not known any more what other machines have not been told of removals", e);
        }
    }

    /** Deletes the file if all was told. Another thread, or another program, may be about to note more. */
    synchronized void forgetWhatIsTold() {
        if (!isNoted || unraised.hasAny()) {
            return;
        }
        takeOver();
        if (unraised.hasAny()) {
            return;
        }
        try {
            if (!file.replace(List.of())) {
                return;
            }
        } catch (IOException e) {
            notWritten.add(e);
        }
        isNoted = false;
        isTakenOver = false;
    }

    /** Notes what is still untold. */
    synchronized void close() {
        if (file == null || !unraised.hasAny()) {
            return;
        }
        try {
            replaceAll();
        } catch (IOException e) {
            notWritten.add(e);
        }
    }
}
