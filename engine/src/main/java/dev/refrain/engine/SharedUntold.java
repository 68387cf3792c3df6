package dev.refrain.engine;

import dev.refrain.engine.internal.store.UntoldFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
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
    /** Of the file, and what is known of it. Whoever writes waits for other processes meanwhile. */
    private final ReentrantLock fileLock = new ReentrantLock();

    private final FailureLog notWritten = new FailureLog(
            "It could not be noted what other machines have not been told of removals. If this process is killed"
                    + " before, they never will be.");

    /** Guards those that wait, and whether somebody writes them. */
    private final Object waitingLock = new Object();

    private List<String> waiting = new ArrayList<>();
    private boolean isWriting;

    /** Whether the file says anything. Guarded by the file's lock. */
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

    private void note(List<String> lines) {
        fileLock.lock();
        try {
            if (file == null || !unraised.hasAny()) {
                // Told meanwhile.
                return;
            }
            isNoted = true;
            if (lines.size() > MAX_WAITING || !file.append(lines)) {
                replaceAll();
            }
        } catch (IOException e) {
            notWritten.add(e);
        } finally {
            fileLock.unlock();
        }
    }

    private void replaceAll() throws IOException {
        do {
            takeOver();
        } while (!file.replace(unraised.lines(), true));
    }

    /**
     * Another program on the same store may have noted what it could not tell, such as the one that this one replaces.
     * Until that is told, the tier has what was removed here.
     */
    void takeOver() {
        fileLock.lock();
        try {
            takeNews(true);
        } catch (UntoldFile.HeldException e) {
            notRead(e);
        } finally {
            fileLock.unlock();
        }
    }

    /**
     * The same for a thread that waits for nobody.
     *
     * @return false if another thread or program is about to write
     */
    boolean tryTakeOver() {
        if (!fileLock.tryLock()) {
            return false;
        }
        try {
            takeNews(false);
            return true;
        } catch (UntoldFile.HeldException e) {
            return false;
        } finally {
            fileLock.unlock();
        }
    }

    private void takeNews(boolean waits) throws UntoldFile.HeldException {
        if (file == null) {
            return;
        }
        try {
            List<String> lines = file.news(waits);
            if (!lines.isEmpty()) {
                lines.forEach(unraised::addLine);
                isNoted = true;
                isTakenOver = true;
            }
        } catch (UntoldFile.HeldException e) {
            throw e;
        } catch (IOException e) {
            notRead(e);
        }
    }

    private static void notRead(IOException e) {
        LOG.warn("It is not known any more what other machines have not been told of removals", e);
    }

    /**
     * Deletes the file if all was told. Another thread, or another program, may be about to note more: it is waited for
     * by nobody, and the file stays until the next time.
     */
    void forgetWhatIsTold() {
        if (!fileLock.tryLock()) {
            return;
        }
        try {
            if (isNoted && !unraised.hasAny() && isForgotten()) {
                isNoted = false;
                isTakenOver = false;
            }
        } finally {
            fileLock.unlock();
        }
    }

    private boolean isForgotten() {
        try {
            takeNews(false);
            return !unraised.hasAny() && file.replace(List.of(), false);
        } catch (UntoldFile.HeldException e) {
            return false;
        } catch (IOException e) {
            notWritten.add(e);
            return true;
        }
    }

    /** Notes what is still untold. */
    void close() {
        fileLock.lock();
        try {
            if (file != null && unraised.hasAny()) {
                replaceAll();
            }
        } catch (IOException e) {
            notWritten.add(e);
        } finally {
            fileLock.unlock();
        }
    }
}
