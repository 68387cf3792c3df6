package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.answer.Unreachable;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A connection to a provider over HTTP/1.1, for one call after another. While idle, it goes on reading, so that it
 * closes as soon as the provider closes it.
 *
 * <p>Used on the event loop only, except {@link Wire}, which any thread may use.
 *
 * <p>Long, since connection and call may each end before the other, and both cases share this state.
 */
final class Http1Connection extends ChannelInboundHandlerAdapter implements AnswerReader.Listener {
    /** The owner of such connections. */
    interface Owner {
        /** The connection can take another call. */
        void idle(Http1Connection connection);

        /** The connection's provider has answered. */
        void answers();

        /**
         * The first bytes show that the provider expects TLS, or has refused the handshake, and so cannot be reached.
         */
        void unreachable(ProxyException why);

        /** The connection is closed; perhaps without ever having been idle. */
        void closed(Http1Connection connection);
    }

    /** How long after a handshake its messages, such as session tickets, may still arrive. */
    private static final long NEW_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final WatchedChannel channel;
    private final boolean secure;
    /** The proxy to which requests are sent in place of the provider; null for none. */
    private final ProxyRules.Proxy via;

    private final Owner owner;
    private final LongSupplier nanoTime;
    private final AnswerReader reader = new AnswerReader(this);

    private ChannelHandlerContext context;
    /** Null while idle. */
    private Running running;
    /** Whether a call has been made over the connection. */
    private boolean used;

    private boolean hasAnswered;
    /** Whether another call may follow the answer that is being read. */
    private boolean keeps;

    private boolean closing;
    private boolean closeNotified;
    /** The buffer being read, whose rest may lie beyond the answer's end. */
    private ByteBuf reading;

    /** Whether a piece was passed on since the last pause. */
    private boolean passedOn;

    private volatile long idleSinceNanos;
    /** Seconds for which the provider keeps the connection while it is idle; negative if it has not said. */
    private volatile long keptSeconds = -1;

    Http1Connection(WatchedChannel channel, boolean secure, ProxyRules.Proxy via, Owner owner, LongSupplier nanoTime) {
        this.channel = channel;
        this.secure = secure;
        this.via = via;
        this.owner = owner;
        this.nanoTime = nanoTime;
        this.idleSinceNanos = nanoTime.getAsLong();
    }

    EventLoop loop() {
        return channel.eventLoop();
    }

    boolean isUsed() {
        return used;
    }

    long idleSinceNanos() {
        return idleSinceNanos;
    }

    long keptSeconds() {
        return keptSeconds;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext added) {
        context = added;
    }

    void close() {
        closing = true;
        channel.close();
    }

    /**
     * Sends a call.
     *
     * @return false if the connection is closed, so that nothing was sent
     */
    boolean start(Exchange call) {
        // A new connection may still have to read messages of its handshake.
        boolean isNew = !used && nanoTime.getAsLong() - idleSinceNanos < NEW_NANOS;
        if (closing || !(isNew ? channel.isActive() : channel.isQuiet())) {
            close();
            return false;
        }
        Running next = new Running(call);
        if (!call.begins(next)) {
            owner.idle(this);
            return true;
        }
        used = true;
        running = next;
        reader.expect(call.request().method(), call.request().isForWebSocket());
        try {
            next.send();
        } catch (RuntimeException | Error e) {
            fail(e);
        }
        return true;
    }

    private void later(Runnable task) {
        try {
            loop().execute(task);
        } catch (RejectedExecutionException closing) {
            // The upstream client is closing, and breaks off all calls.
        }
    }

    // ---- the answer

    @Override
    public void channelRead(ChannelHandlerContext from, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            if (running == null) {
                // These bytes answer no request.
                close();
                return;
            }
            reading = bytes;
            reader.read(bytes);
            if (bytes.isReadable()) {
                // Bytes beyond the answer: the connection is not kept.
                close();
            }
        } catch (ProxyException malformed) {
            if (malformed.reason().equals(Unreachable.SPEAKS_TLS.token())) {
                owner.unreachable(malformed);
            }
            fail(malformed);
        } finally {
            reading = null;
            bytes.release();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext from) {
        if (running != null && passedOn) {
            passedOn = false;
            running.call.pause();
        } else {
            from.read();
        }
    }

    @Override
    public boolean mayHold(long bytes) {
        return running == null || running.call.mayHoldHead(bytes);
    }

    @Override
    public void interim(AnswerHead head) {
        if (running != null) {
            running.call.interim(head);
        }
    }

    @Override
    public void head(AnswerHead head) {
        if (running == null) {
            return;
        }
        hasAnswered = true;
        owner.answers();
        keeps = head.keepsConnection();
        keptSeconds = head.keptSeconds();
        Running current = running;
        current.call.head(head);
        if (head.switchesProtocols()) {
            current.switchProtocols();
        }
    }

    @Override
    public void piece(ByteBuffer bytes, boolean isLast) {
        Running current = running;
        if (current == null) {
            return;
        }
        if (!isLast) {
            passedOn = true;
            current.call.piece(bytes);
            return;
        }
        try {
            // The connection is released first, because a client with a complete answer may call again at once.
            release();
            current.call.piece(bytes);
            current.call.ended(Map.of());
        } catch (RuntimeException | Error e) {
            // The connection no longer refers to the call, so nothing else would end it.
            current.call.failed(e);
        }
    }

    @Override
    public void end(Map<String, List<String>> trailers) {
        Running current = running;
        if (current != null) {
            try {
                if (!current.maySendOn()) {
                    release();
                }
                current.call.ended(trailers);
            } catch (RuntimeException | Error e) {
                current.call.failed(e);
            }
        }
    }

    /** The answer is complete: the connection is idle again, or is closed. */
    private void release() {
        boolean isReusable = keeps && running.writer.isSent() && !closing && (reading == null || !reading.isReadable());
        running.writer.stop();
        running = null;
        passedOn = false;
        if (isReusable) {
            idleSinceNanos = nanoTime.getAsLong();
            owner.idle(this);
        } else {
            close();
        }
    }

    private void fail(Throwable why) {
        Running failed = running;
        running = null;
        close();
        if (failed != null) {
            failed.writer.stop();
            failed.call.failed(why);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext from, Object event) {
        if (event instanceof SslCloseCompletionEvent end && end.isSuccess()) {
            closeNotified = true;
            over(null);
        } else if (event instanceof ChannelInputShutdownEvent) {
            over(null);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext from) {
        closing = true;
        over(null);
        owner.closed(this);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext from, Throwable why) {
        Throwable said = why;
        if (!hasAnswered && TlsSessions.isRefusal(why)) {
            owner.unreachable(ProxyException.unreachable(Unreachable.HANDSHAKE, why));
            said = ProxyException.unreachable(Unreachable.HANDSHAKE, why);
        }
        over(said);
    }

    /** The provider sends no more. */
    private void over(Throwable why) {
        boolean isSwitched = running != null && running.isSwitched;
        if (isSwitched && why == null && !closing && reader.isAtEnd()) {
            return; // the client has been told that the provider sends no more, and may still send
        }
        boolean isClear = !secure || closeNotified || isSwitched;
        if (running != null && why == null && reader.endsWithConnection() && isClear) {
            keeps = false;
            reader.close();
        } else {
            fail(why != null ? why : new EOFException("The connection was closed"));
        }
    }

    /** A call, from the first byte of its request to the last byte of its answer. */
    private final class Running implements Exchange.Wire {
        private final Exchange call;
        private final RequestWriter writer;
        /** Whether the connection has left HTTP. */
        private boolean isSwitched;

        Running(Exchange call) {
            this.call = call;
            this.writer = new RequestWriter(context, call.request(), via, this::bodyFailed);
        }

        void send() {
            context.read();
            Throwable unsent = writer.send();
            if (unsent != null && running == this) {
                running = null;
                writer.stop();
                close();
                call.unsent(unsent);
            }
        }

        /** From now on, the bytes of client and provider are passed on until both have ended their direction. */
        void switchProtocols() {
            isSwitched = true;
            channel.config().setAllowHalfClosure(true);
            writer.switchProtocols(call::sent, this::clientEnded);
        }

        /** Whether the client may still send, although the provider has ended its direction of the tunnel. */
        boolean maySendOn() {
            return isSwitched && !writer.isSent() && !closing;
        }

        /** The client has ended its direction of the tunnel; the provider may still send. */
        private void clientEnded() {
            if (running != this) {
                return;
            }
            if (reader.isAtEnd()) {
                running = null;
                close();
            } else if (secure) {
                context.pipeline().get(SslHandler.class).closeOutbound();
            } else {
                channel.shutdownOutput();
            }
        }

        private void bodyFailed(Throwable why) {
            if (running == this) {
                fail(why);
            }
        }

        @Override
        public void read() {
            if (loop().inEventLoop()) {
                readNow();
            } else {
                later(this::readNow);
            }
        }

        private void readNow() {
            if (running == this) {
                context.read();
            }
        }

        @Override
        public void cancel() {
            later(() -> {
                if (running == this) {
                    running = null;
                    writer.stop();
                    close();
                }
            });
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext from) {
        if (running != null && from.channel().isWritable()) {
            running.writer.writable();
        }
    }
}
