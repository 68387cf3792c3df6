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
 * Keeps the removals made here until other machines have been told of them: in memory, and in a file. If this process
 * is killed, another process that uses the same store, now or later, reads them from the file and tells the machines.
 * Removals by clients are written to the file a moment later, on another thread. Thread-safe.
 */
final class SharedUntold {
    private static final Logger LOG = LoggerFactory.getLogger(SharedUntold.class);

    /** At most this many lines wait to be written. If there are more, the whole file is written anew from memory. */
    private static final int MAX_WAITING = 1_000;

    private final SharedUnraised unraised = new SharedUnraised();
    /** The file of removals; null for a store without a file. */
    private final UntoldFile file;

    private final Executor threads;
    /** Guards the file, and the fields about it. A thread that holds it may wait for other processes. */
    private final ReentrantLock fileLock = new ReentrantLock();

    private final FailureLog notWritten = new FailureLog(
            "Removals of which other machines have not been told yet could not be written to the file .unshared beside "
                    + "the store. Check its disk and permissions. If this process ends before the shared tier is back, "
                    + "purge again.");

    /** Guards the waiting lines, and whether a thread is writing them. */
    private final Object waitingLock = new Object();

    private List<String> waiting = new ArrayList<>();
    private boolean isWriting;

    /** Whether the file has lines. Guarded by {@link #fileLock}. */
    private boolean isNoted;

    private volatile boolean isTakenOver;

    /**
     * @param file null for a store without one
     * @param threads write the removals by clients to the file
     */
    SharedUntold(UntoldFile file, Executor threads) {
        this.file = file;
        this.threads = threads;
    }

    SharedUnraised unraised() {
        return unraised;
    }

    /** Whether the file had removals by another process, and other machines have not been told of all of them yet. */
    boolean isTakenOver() {
        return isTakenOver;
    }

    /** Keeps a client's removal. It is in the file a moment later. */
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

    /** Keeps an operator's removal, and returns when it is in the file. */
    void addAtOnce(String name) {
        SharedUnraised.Kept kept = new SharedUnraised.Kept(name, null);
        unraised.add(kept);
        note(List.of(SharedUnraised.line(kept)));
    }

    private void note(List<String> lines) {
        fileLock.lock();
        try {
            if (file == null || !unraised.hasAny()) {
                // There is no file, or other machines have been told of all removals meanwhile.
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
     * Takes over removals of which another process on the same store could not tell other machines, such as the process
     * that this one replaces. Until other machines are told, the tier still has the removed entries.
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
     * Like {@link #takeOver}, for a thread that must not wait.
     *
     * @return false if another thread or process is using the file
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
        LOG.warn(
                "The file of removals of which other machines have not been told yet could not be read. Purge again "
                        + "what was purged while the shared tier was away",
                e);
    }

    /**
     * Deletes the file if other machines have been told of all removals. If another thread or process is using the
     * file, this does not wait, and the file stays until the next call.
     */
    void forgetWhatIsTold() {
        if (!fileLock.tryLock()) {
            return;
        }
        try {
            if (isNoted && !unraised.hasAny() && deleteIfTold()) {
                isNoted = false;
                isTakenOver = false;
            }
        } finally {
            fileLock.unlock();
        }
    }

    private boolean deleteIfTold() {
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

    /** Writes the removals of which other machines have not been told to the file. */
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
