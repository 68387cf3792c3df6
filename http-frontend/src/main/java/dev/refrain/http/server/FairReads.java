package dev.refrain.http.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.RejectedExecutionException;
import org.xnio.conduits.AbstractStreamSourceConduit;
import org.xnio.conduits.StreamSourceConduit;

/**
 * Reads from a connection with TLS only when the selector says that there is something to read, so that all connections
 * of a thread get their turns.
 *
 * <p>Undertow's {@code SslConduit} has the thread run the listener again after each read that found something, in case
 * its engine still holds some of that. The JDK's holds nothing. XNIO runs all of a thread's tasks before it selects. So
 * as long as the next request of a busy client was there before its listener had ended, no other connection of the
 * thread was looked at: p99 of hits was 463 ms, and the median 0.2 ms. The conduit does not do it while reads are
 * suspended.
 *
 * <p>When they are resumed, it does it if records are left that it has read from the socket, as it must. It does so
 * twice if that is before the listener has ended: then a task is left over, which reads from the socket. So reads are
 * resumed by a task of their own.
 *
 * <p>Used on the connection's I/O thread only.
 */
final class FairReads extends AbstractStreamSourceConduit<StreamSourceConduit> {
    /** Whether the handshake is over. Until then the conduit itself suspends and resumes reads. */
    private boolean isOpen;

    /** Whether reads are suspended below, and a task is to resume them. */
    private boolean isPaused;

    private final Runnable resumePaused = this::resumePaused;

    FairReads(StreamSourceConduit next) {
        super(next);
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        boolean wasResumed = pause();
        int count = super.read(target);
        resume(wasResumed, count);
        return count;
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
        boolean wasResumed = pause();
        long count = super.read(targets, offset, length);
        resume(wasResumed, count);
        return count;
    }

    private boolean pause() {
        boolean wasResumed = isOpen && super.isReadResumed();
        if (wasResumed) {
            super.suspendReads();
        }
        return wasResumed;
    }

    private void resume(boolean wasResumed, long count) {
        isOpen |= count > 0;
        if (count < 0) {
            // Behind the end the conduit would run the listener again and again.
            isPaused = false;
        } else if (wasResumed) {
            isPaused = true;
            try {
                getReadThread().execute(resumePaused);
            } catch (RejectedExecutionException stopping) {
                resumePaused();
            }
        }
    }

    private void resumePaused() {
        if (isPaused) {
            isPaused = false;
            super.resumeReads();
        }
    }

    @Override
    public boolean isReadResumed() {
        return isPaused || super.isReadResumed();
    }

    @Override
    public void suspendReads() {
        isPaused = false;
        super.suspendReads();
    }

    @Override
    public void resumeReads() {
        if (!isPaused) {
            super.resumeReads();
        }
    }

    @Override
    public void wakeupReads() {
        isPaused = false;
        super.wakeupReads();
    }
}
