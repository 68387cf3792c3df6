package dev.refrain.http2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.TimeUnit;
import org.xnio.IoUtils;
import org.xnio.XnioIoThread;
import org.xnio.XnioWorker;
import org.xnio.channels.StreamSourceChannel;
import org.xnio.conduits.ConduitWritableByteChannel;
import org.xnio.conduits.Conduits;
import org.xnio.conduits.StreamSinkConduit;
import org.xnio.conduits.WriteReadyHandler;

/**
 * The writing half of a connection without a socket, under XNIO's contract: it calls the write handler again and again
 * while there is room, until the writer suspends writes. A subclass decides where the bytes go. Used on one I/O thread.
 */
abstract class EventSink implements StreamSinkConduit {
    private final XnioIoThread thread;
    private WriteReadyHandler handler;
    /** Whether the writer has resumed writes. */
    private boolean resumed;
    /** Whether a task that calls the handler is queued. */
    private boolean queued;

    private boolean shut;

    EventSink(XnioIoThread thread) {
        this.thread = thread;
    }

    /** Whether something can be written. */
    abstract boolean hasRoom();

    /** Called if there is no room. The subclass must call {@link #ready} once there is. */
    abstract void awaitRoom();

    /** Tells the writer that there is room. */
    final void ready() {
        if (resumed) {
            handler.writeReady();
            goOn();
        }
    }

    private void goOn() {
        if (!resumed) {
            return;
        }
        if (hasRoom()) {
            queue();
        } else {
            awaitRoom();
        }
    }

    private void queue() {
        if (!queued) {
            queued = true;
            thread.execute(() -> {
                queued = false;
                ready();
            });
        }
    }

    @Override
    public final int writeFinal(ByteBuffer bytes) throws IOException {
        return Conduits.writeFinalBasic(this, bytes);
    }

    @Override
    public final long writeFinal(ByteBuffer[] bytes, int offset, int length) throws IOException {
        return Conduits.writeFinalBasic(this, bytes, offset, length);
    }

    @Override
    public final long transferFrom(FileChannel from, long position, long count) throws IOException {
        return from.transferTo(position, count, new ConduitWritableByteChannel(this));
    }

    @Override
    public final long transferFrom(StreamSourceChannel from, long count, ByteBuffer through) throws IOException {
        return IoUtils.transfer(from, count, through, new ConduitWritableByteChannel(this));
    }

    @Override
    public final void truncateWrites() throws IOException {
        terminateWrites();
    }

    @Override
    public final boolean isWriteShutdown() {
        return shut;
    }

    /** Shuts writes down. */
    final void shut() {
        shut = true;
    }

    @Override
    public final void resumeWrites() {
        resumed = true;
        goOn();
    }

    @Override
    public final void suspendWrites() {
        resumed = false;
    }

    @Override
    public final void wakeupWrites() {
        resumed = true;
        queue();
    }

    @Override
    public final boolean isWriteResumed() {
        return resumed;
    }

    @Override
    public final void awaitWritable() {
        throw new UnsupportedOperationException("nothing may wait on an I/O thread");
    }

    @Override
    public final void awaitWritable(long time, TimeUnit unit) {
        awaitWritable();
    }

    @Override
    public final XnioIoThread getWriteThread() {
        return thread;
    }

    @Override
    public final void setWriteReadyHandler(WriteReadyHandler of) {
        handler = of;
    }

    @Override
    public final XnioWorker getWorker() {
        return thread.getWorker();
    }
}
