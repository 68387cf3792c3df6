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
 * A connection to a provider over HTTP/1.1, for one call after another. While it is idle it goes on reading, so that it
 * is closed as soon as the provider closes it.
 *
 * <p>The event loop's alone, but for {@link Wire}, which may be used by any thread.
 *
 * <p>Long, since the connection and its call may each end before the other, and neither may be forgotten.
 */
final class Http1Connection extends ChannelInboundHandlerAdapter implements AnswerReader.Listener {
    /** The owner of such connections. */
    interface Owner {
        /** It can take another call. */
        void idle(Http1Connection connection);

        /** Its provider answers. */
        void answers();

        /** Its provider cannot be talked to, as it turns out. */
        void unreachable(ProxyException why);

        /** It is closed; may be said of one that was never idle. */
        void closed(Http1Connection connection);
    }

    /** How long what belongs to a handshake may come after it, session tickets for instance. */
    private static final long NEW_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final WatchedChannel channel;
    private final boolean secure;
    /** The proxy that gets the requests in place of the provider; null for none. */
    private final ProxyRules.Proxy via;

    private final Owner owner;
    private final LongSupplier nanoTime;
    private final AnswerReader reader = new AnswerReader(this);

    private ChannelHandlerContext context;
    /** Null while idle. */
    private Running running;
    /** Whether a call has been made over it. */
    private boolean used;

    private boolean hasAnswered;
    /** Whether the answer that is being read lets another call follow. */
    private boolean keeps;

    private boolean closing;
    private boolean closeNotified;
    /** The bytes that are being read from, as far as the answer's end. */
    private ByteBuf reading;

    /** Whether a piece was passed on since the last pause. */
    private boolean passedOn;

    private volatile long idleSinceNanos;
    /** For how long the provider keeps it while it is idle, in seconds; negative if it has not said. */
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
     * @return false if the connection is closed, and nothing was sent
     */
    boolean start(Exchange call) {
        // A new one may just be about to read what belongs to its handshake.
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
            // All calls are broken off.
        }
    }

    // ---- the answer

    @Override
    public void channelRead(ChannelHandlerContext from, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            if (running == null) {
                // Nobody has asked for an answer.
                close();
                return;
            }
            reading = bytes;
            reader.read(bytes);
            if (bytes.isReadable()) {
                // More than the answer; the connection is not kept.
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
            // First: whose answer is complete may call again at once.
            release();
            current.call.piece(bytes);
            current.call.ended(Map.of());
        } catch (RuntimeException | Error e) {
            // This connection knows nothing of the call any more, and would end it no other way.
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

    /** The answer is there. */
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

    /** Nothing more comes. */
    private void over(Throwable why) {
        boolean isSwitched = running != null && running.isSwitched;
        if (isSwitched && why == null && !closing && reader.isAtEnd()) {
            return; // the provider's end has been told, and the client may send on
        }
        boolean isClear = !secure || closeNotified || isSwitched;
        if (running != null && why == null && reader.endsWithConnection() && isClear) {
            keeps = false;
            reader.close();
        } else {
            fail(why != null ? why : new EOFException("The connection was closed"));
        }
    }

    /** A call, from its first byte out to its last one in. */
    private final class Running implements Exchange.Wire {
        private final Exchange call;
        private final RequestWriter writer;
        /** Whether what goes over the connection is no HTTP any more. */
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

        /** From now on the bytes of both sides cross, until both have ended. */
        void switchProtocols() {
            isSwitched = true;
            channel.config().setAllowHalfClosure(true);
            writer.switchProtocols(call::sent, this::clientEnded);
        }

        /** Whether the client has more to send though the provider has ended. */
        boolean maySendOn() {
            return isSwitched && !writer.isSent() && !closing;
        }

        /** The provider may go on. */
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
