package dev.refrain.http.upstream;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntSupplier;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSession;

/**
 * Lets handshakes with one provider that run at the same time each resume a session (RFC 8446, 2.2), which costs both
 * sides a fraction of a whole handshake.
 *
 * <p>The JDK keeps one session under a host and port, the last one, and takes it away when a handshake uses it: a
 * ticket of TLS 1.3 is used once (RFC 8446, C.4). Of a hundred handshakes at a time one could resume. But the port that
 * {@link javax.net.ssl.SSLContext#createSSLEngine(String, int)} is told is no more than a part of that name. So each
 * handshake is given a place, which is a number to be told in place of the port. Its session stays there for the next
 * handshake. The host is the real one, and whether the certificate is for it is checked as ever: a resumed session has
 * had its certificate checked for the same host.
 *
 * <p>Thread-safe.
 */
final class TlsSessions {
    private static final String SINGLE_USE = "TLSv1.3";

    private final IntSupplier numbers;
    /** Places with a session, the newest session last; guarded by this. */
    private final Deque<Integer> filled = new ArrayDeque<>();

    private final Deque<Integer> empty = new ArrayDeque<>();
    /** A place whose session may be resumed again and again, as before TLS 1.3; null for none. */
    private Integer shared;

    /** @param numbers of new places, each another one for each provider */
    TlsSessions(IntSupplier numbers) {
        this.numbers = numbers;
    }

    /** A place for a handshake; {@link #shookHands} or {@link #failed} follows. */
    synchronized int take() {
        if (shared != null) {
            return shared;
        }
        Integer free = filled.isEmpty() ? empty.pollLast() : filled.pollLast();
        return free != null ? free : numbers.getAsInt();
    }

    /** A handshake has failed. */
    synchronized void failed(int place) {
        if (shared == null || shared != place) {
            empty.addLast(place);
        }
    }

    /**
     * A handshake has succeeded.
     *
     * @return what is to stand in front of TLS, to see when its place has a session again; null if it has
     */
    synchronized ChannelInboundHandlerAdapter shookHands(int place, SSLSession session) {
        if (!session.getProtocol().equals(SINGLE_USE)) {
            shared = place;
            return null;
        }
        if (shared != null && shared == place) {
            // The provider has learnt TLS 1.3 meanwhile.
            shared = null;
        }
        return new TicketWatch(place);
    }

    private synchronized void settled(int place, boolean hasSession) {
        (hasSession ? filled : empty).addLast(place);
    }

    /**
     * Sees the first bytes after a handshake. A provider that sends a ticket does so there: right after the handshake,
     * and before any answer. Were there none, the place has no session, and the next handshake on it is a whole one.
     */
    private final class TicketWatch extends ChannelInboundHandlerAdapter {
        private final int place;
        private boolean isSettled;

        TicketWatch(int place) {
            this.place = place;
        }

        @Override
        public void channelRead(ChannelHandlerContext from, Object bytes) {
            from.fireChannelRead(bytes);
            settle(true);
            if (!from.isRemoved()) {
                from.pipeline().remove(this);
            }
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext from) {
            // Closed before anything came.
            settle(false);
        }

        private void settle(boolean hasSession) {
            if (!isSettled) {
                isSettled = true;
                settled(place, hasSession);
            }
        }
    }

    /**
     * Whether a provider has refused the handshake. In TLS 1.3 it looks at the client's certificate after the end, as
     * this side sees it.
     */
    static boolean isRefusal(Throwable failure) {
        Throwable cause = failure;
        while (cause != null && !(cause instanceof SSLHandshakeException)) {
            cause = cause.getCause();
        }
        return cause != null;
    }
}
