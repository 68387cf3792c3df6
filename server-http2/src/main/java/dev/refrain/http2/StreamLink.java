package dev.refrain.http2;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http2.Http2Error;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.concurrent.RejectedExecutionException;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;

/**
 * A connection of HTTP/1.1 that carries streams of HTTP/2, one after the other. If the connection is closed before an
 * answer is complete, the stream is reset. If the stream ends early, the connection is closed.
 *
 * <p>Used on the I/O thread only, except {@link #close}.
 */
final class StreamLink extends StreamConnection {
    private static final byte[] LAST_CHUNK = "0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] LINE_END = {'\r', '\n'};
    private static final byte[] NOTHING = {};

    /** Shorter frames that wait to be read share a piece of this length. */
    private static final int SHARED_PIECE = 4096;
    /** Heap of a piece beside its bytes. */
    private static final int PIECE_BYTES = 128;

    private final ClientConnection http2;
    private final Source source = new Source();
    private final Sink sink = new Sink();
    private final AnswerWriter answer;

    /** Id of the current stream, or 0 between two streams. */
    private int id;

    private boolean isChunked;
    /** Whether the whole request has arrived. */
    private boolean requestEnded;
    /** Whether the stream has been reset. */
    private boolean isBroken;

    StreamLink(ClientConnection http2) {
        super(http2.thread());
        this.http2 = http2;
        this.answer = new AnswerWriter(http2);
        setSourceConduit(source);
        setSinkConduit(sink);
    }

    // ---- called by the connection

    /** A request's head has arrived. */
    void begin(int stream, RequestHead head, boolean isHead, boolean isAll) {
        id = stream;
        isChunked = head.isChunked(isAll);
        requestEnded = isAll;
        answer.begin(stream, isHead);
        source.add(head.bytes());
    }

    /**
     * More of the request has arrived.
     *
     * @param bytes null for none
     * @return whether the budget has room for them
     */
    boolean came(ByteBuf bytes, boolean isLast) {
        int count = bytes == null ? 0 : bytes.readableBytes();
        if (count > 0) {
            byte[] head =
                    isChunked ? (Integer.toHexString(count) + "\r\n").getBytes(StandardCharsets.US_ASCII) : NOTHING;
            byte[] tail = isChunked ? LINE_END : NOTHING;
            Piece piece = source.room(head.length + count + tail.length);
            if (piece == null) {
                return false;
            }
            piece.add(head);
            piece.addData(bytes);
            piece.add(tail);
        }
        if (isLast) {
            requestEnded = true;
            if (isChunked) {
                source.add(LAST_CHUNK);
            }
            freeIfDone();
        }
        return true;
    }

    /** Tells the server that there are bytes to read. */
    void readable() {
        source.ready();
    }

    boolean hasRoom() {
        return sink.hasRoom();
    }

    /** Tells the server that there is room to write. */
    void writable() {
        sink.ready();
    }

    /** The stream has ended. */
    void streamClosed() {
        if (id != 0 && !(answer.isOver() && requestEnded)) {
            broken();
        }
    }

    /** The client has gone. */
    void broken() {
        isBroken = true;
        IoUtils.safeClose(this);
    }

    /** Frees the link if the answer is complete and the whole request has been read. */
    private void freeIfDone() {
        // Most clients read an answer only after they have sent everything, so the request is read to its end. The
        // HTTP/1.1 server limits how much of it is read.
        if (id != 0 && answer.isOver() && requestEnded && source.ahead.isEmpty()) {
            int done = id;
            id = 0;
            http2.free(this, done, !answer.isLast());
        }
    }

    // ---- the link as a connection of XNIO

    @Override
    public SocketAddress getPeerAddress() {
        return http2.socket().getPeerAddress();
    }

    @Override
    public SocketAddress getLocalAddress() {
        return http2.socket().getLocalAddress();
    }

    @Override
    protected void closeAction() {
        if (Thread.currentThread() == thread) {
            closed();
            return;
        }
        try {
            thread.execute(this::closed);
        } catch (RejectedExecutionException stopping) {
            closed();
        }
    }

    private void closed() {
        source.discard();
        http2.forget(this);
        if (id != 0) {
            int stream = id;
            id = 0;
            if (!isBroken && !(answer.isOver() && requestEnded)) {
                http2.reset(stream, answer.isOver() ? Http2Error.NO_ERROR : Http2Error.INTERNAL_ERROR);
            }
            http2.free(this, stream, false);
        }
    }

    /** Bytes that wait to be read, of one frame or of several short ones. */
    private static final class Piece {
        private final byte[] bytes;
        /** Bytes reserved for the piece in the memory budget. */
        private final int reserved;

        private int read;
        private int written;
        /** How many of the bytes count against the stream's window. */
        private int data;

        Piece(byte[] bytes, int written, int reserved) {
            this.bytes = bytes;
            this.written = written;
            this.reserved = reserved;
        }

        boolean hasRoom(int count) {
            return bytes.length - written >= count;
        }

        void add(byte[] more) {
            System.arraycopy(more, 0, bytes, written, more.length);
            written += more.length;
        }

        void addData(ByteBuf more) {
            int count = more.readableBytes();
            more.readBytes(bytes, written, count);
            written += count;
            data += count;
        }

        int readTo(ByteBuffer into) {
            int count = Math.min(written - read, into.remaining());
            into.put(bytes, read, count);
            read += count;
            return count;
        }

        boolean isRead() {
            return read == written;
        }
    }

    /** Supplies the request to the server. */
    private final class Source extends EventSource {
        private final ArrayDeque<Piece> ahead = new ArrayDeque<>(4);

        Source() {
            super(StreamLink.this.thread);
        }

        void add(byte[] bytes) {
            ahead.add(new Piece(bytes, bytes.length, 0));
        }

        /** The piece to which a frame's bytes are added; null if the memory budget has no room for them. */
        Piece room(int count) {
            Piece last = ahead.peekLast();
            if (last != null && last.hasRoom(count)) {
                return last;
            }
            // The first piece has exactly the needed size, since it is mostly read at once. Later ones are shared: a
            // frame of one byte would otherwise take a hundred times its size.
            int size = last == null || last.data == 0 ? count : Math.max(count, SHARED_PIECE);
            if (!http2.listener().memory().reserve(size + PIECE_BYTES)) {
                return null;
            }
            Piece next = new Piece(new byte[size], 0, size + PIECE_BYTES);
            ahead.add(next);
            return next;
        }

        void discard() {
            shut();
            ahead.forEach(piece -> http2.listener().memory().release(piece.reserved));
            ahead.clear();
        }

        @Override
        boolean hasBytes() {
            return !ahead.isEmpty();
        }

        @Override
        public int read(ByteBuffer into) throws IOException {
            if (isReadShutdown() || isBroken) {
                return -1;
            }
            int count = 0;
            int data = 0;
            while (!ahead.isEmpty() && into.hasRemaining()) {
                Piece from = ahead.peek();
                count += from.readTo(into);
                if (from.isRead()) {
                    ahead.remove();
                    http2.listener().memory().release(from.reserved);
                    data += from.data;
                }
            }
            if (data > 0) {
                http2.consumed(id, data);
            }
            if (count > 0 && ahead.isEmpty()) {
                freeIfDone();
            }
            return count;
        }

        @Override
        public void terminateReads() {
            shut();
            readClosed();
        }
    }

    /** Receives the answer from the server. */
    private final class Sink extends EventSink {
        Sink() {
            super(StreamLink.this.thread);
        }

        @Override
        boolean hasRoom() {
            return http2.room(id) != 0;
        }

        @Override
        void awaitRoom() {
            http2.block(StreamLink.this);
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            if (isWriteShutdown() || isBroken || id == 0) {
                throw new ClosedChannelException();
            }
            http2.enter();
            try {
                int count = answer.write(bytes);
                freeIfDone();
                return count;
            } finally {
                http2.leave();
            }
        }

        @Override
        public long write(ByteBuffer[] bytes, int offset, int length) throws IOException {
            http2.enter();
            try {
                long count = 0;
                for (int i = offset; i < offset + length; i++) {
                    if (bytes[i].hasRemaining()) {
                        count += write(bytes[i]);
                        if (bytes[i].hasRemaining()) {
                            return count;
                        }
                    }
                }
                return count;
            } finally {
                http2.leave();
            }
        }

        @Override
        public boolean flush() {
            return isBroken || http2.isOut();
        }

        @Override
        public void terminateWrites() {
            shut();
            writeClosed();
        }
    }
}
