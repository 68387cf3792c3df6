package dev.refrain.http2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.TimeUnit;
import org.xnio.IoUtils;
import org.xnio.XnioIoThread;
import org.xnio.XnioWorker;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.conduits.ConduitReadableByteChannel;
import org.xnio.conduits.ReadReadyHandler;
import org.xnio.conduits.StreamSourceConduit;

/**
 * The reading half of a connection without a socket, under XNIO's contract: it calls the read handler again and again
 * while there are bytes, until the reader suspends reads. A subclass supplies the bytes. Used on one I/O thread.
 */
abstract class EventSource implements StreamSourceConduit {
    private final XnioIoThread thread;
    private ReadReadyHandler handler;
    /** Whether the reader has resumed reads. */
    private boolean resumed;
    /** Whether a task that calls the handler is queued. */
    private boolean queued;

    private boolean shut;

    EventSource(XnioIoThread thread) {
        this.thread = thread;
    }

    /** Whether there are bytes to read. */
    abstract boolean hasBytes();

    /** Tells the reader if there are bytes. */
    final void ready() {
        if (resumed && hasBytes()) {
            tell();
        }
    }

    /** Shuts reads down. */
    final void shut() {
        shut = true;
    }

    private void tell() {
        handler.readReady();
        if (resumed && hasBytes()) {
            queue();
        }
    }

    private void queue() {
        if (!queued) {
            queued = true;
            thread.execute(() -> {
                queued = false;
                if (resumed) {
                    tell();
                }
            });
        }
    }

    @Override
    public final long read(ByteBuffer[] into, int offset, int length) throws IOException {
        long count = 0;
        for (int i = offset; i < offset + length; i++) {
            int more = into[i].hasRemaining() ? read(into[i]) : 0;
            if (more < 0) {
                return count == 0 ? more : count;
            }
            count += more;
        }
        return count;
    }

    @Override
    public final long transferTo(long position, long count, FileChannel target) throws IOException {
        return target.transferFrom(new ConduitReadableByteChannel(this), position, count);
    }

    @Override
    public final long transferTo(long count, ByteBuffer through, StreamSinkChannel target) throws IOException {
        return IoUtils.transfer(new ConduitReadableByteChannel(this), count, through, target);
    }

    @Override
    public final boolean isReadShutdown() {
        return shut;
    }

    @Override
    public final void resumeReads() {
        resumed = true;
        if (hasBytes()) {
            queue();
        }
    }

    @Override
    public final void suspendReads() {
        resumed = false;
    }

    @Override
    public final void wakeupReads() {
        resumed = true;
        queue();
    }

    @Override
    public final boolean isReadResumed() {
        return resumed;
    }

    @Override
    public final void awaitReadable() {
        throw new UnsupportedOperationException("nothing may wait on an I/O thread");
    }

    @Override
    public final void awaitReadable(long time, TimeUnit unit) {
        awaitReadable();
    }

    @Override
    public final XnioIoThread getReadThread() {
        return thread;
    }

    @Override
    public final void setReadReadyHandler(ReadReadyHandler of) {
        handler = of;
    }

    @Override
    public final XnioWorker getWorker() {
        return thread.getWorker();
    }
}
