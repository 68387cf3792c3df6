package dev.refrain.http2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.xnio.ChannelListener;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;
import org.xnio.XnioExecutor;
import org.xnio.conduits.AbstractStreamSourceConduit;
import org.xnio.conduits.ConduitStreamSourceChannel;
import org.xnio.conduits.StreamSourceConduit;

/** Waits for the first bytes of a connection, by which it tells HTTP/2 from HTTP/1. For HTTP/1 it puts them back. */
final class FirstBytes implements ChannelListener<ConduitStreamSourceChannel> {
    /** RFC 9113, 3.4. */
    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    static final int PREFACE_BYTES = PREFACE.length;

    private final StreamConnection connection;
    private final Http2Listener listener;
    private final ConduitStreamSourceChannel source;
    /** The part of an incomplete preface that has arrived. */
    private byte[] begun = new byte[0];

    private XnioExecutor.Key timeout;
    private final AtomicBoolean decided = new AtomicBoolean();

    FirstBytes(StreamConnection connection, Http2Listener listener) {
        this.connection = connection;
        this.listener = listener;
        this.source = connection.getSourceChannel();
    }

    void begin() {
        connection.setCloseListener(closed -> decided());
        source.setReadListener(this);
        handleEvent(source);
    }

    @Override
    public void handleEvent(ConduitStreamSourceChannel readable) {
        // Reads no more than a preface: bytes that are put back may have to wait, and are in no memory budget.
        ByteBuffer bytes = listener.buffers(connection.getIoThread())
                .in()
                .limit(PREFACE.length)
                .put(begun);
        int count;
        try {
            count = source.read(bytes);
        } catch (IOException gone) {
            count = -1;
        }
        if (count < 0) {
            stopWaiting();
            IoUtils.safeClose(connection);
            return;
        }
        bytes.flip();
        Boolean agreed = count == 0 ? null : Http2Listener.agreed(connection);
        boolean mayBe = isPreface(bytes) && !Boolean.FALSE.equals(agreed);
        boolean isHttp2 = mayBe && bytes.remaining() >= PREFACE.length;
        if (count == 0 || (mayBe && !isHttp2)) {
            begun = copy(bytes);
            await();
            return;
        }
        stopWaiting();
        source.suspendReads();
        source.setReadListener(null);
        if (isHttp2) {
            listener.open(connection, bytes);
        } else {
            source.setConduit(new PutBack(source.getConduit(), ByteBuffer.wrap(copy(bytes))));
            listener.http1().handleEvent(connection);
        }
        decided();
    }

    private void decided() {
        if (decided.compareAndSet(false, true)) {
            listener.decided();
        }
    }

    /** Whether the bytes are the preface or a beginning of it. */
    private static boolean isPreface(ByteBuffer bytes) {
        for (int i = 0; i < Math.min(bytes.remaining(), PREFACE.length); i++) {
            if (bytes.get(i) != PREFACE[i]) {
                return false;
            }
        }
        return true;
    }

    private static byte[] copy(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(bytes.position(), copy);
        return copy;
    }

    private void await() {
        if (timeout == null) {
            timeout = connection
                    .getIoThread()
                    .executeAfter(
                            () -> IoUtils.safeClose(connection), listener.idle().toNanos(), TimeUnit.NANOSECONDS);
        }
        source.resumeReads();
    }

    private void stopWaiting() {
        if (timeout != null) {
            timeout.remove();
        }
    }

    /** Returns bytes that were put back, before those that follow in the socket. */
    private static final class PutBack extends AbstractStreamSourceConduit<StreamSourceConduit> {
        private ByteBuffer bytes;

        PutBack(StreamSourceConduit next, ByteBuffer bytes) {
            super(next);
            this.bytes = bytes;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            if (bytes == null) {
                return super.read(target);
            }
            int count = Math.min(bytes.remaining(), target.remaining());
            target.put(bytes.slice(bytes.position(), count));
            bytes.position(bytes.position() + count);
            if (!bytes.hasRemaining()) {
                bytes = null;
                if (target.hasRemaining()) {
                    // The same read also returns the bytes that follow in the socket, as if no bytes had been put back.
                    count += Math.max(0, super.read(target));
                }
            }
            return count;
        }

        @Override
        public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
            if (bytes == null) {
                return super.read(targets, offset, length);
            }
            long count = 0;
            for (int i = offset; i < offset + length && bytes != null; i++) {
                count += read(targets[i]);
            }
            return count;
        }

        @Override
        public void resumeReads() {
            if (bytes == null) {
                super.resumeReads();
            } else {
                super.wakeupReads();
            }
        }
    }
}
