package dev.refrain.http.upstream;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntSupplier;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSession;

/**
 * Lets concurrent handshakes with one provider each resume a session (RFC 8446, 2.2), which costs both sides a fraction
 * of a full handshake.
 *
 * <p>The JDK caches one session by host and port, the latest. A handshake that uses it removes it, since a TLS 1.3
 * ticket is used once (RFC 8446, C.4). So of a hundred concurrent handshakes only one could resume. The port that
 * {@link javax.net.ssl.SSLContext#createSSLEngine(String, int)} gets is only a part of the cache key. Therefore each
 * handshake gets a place: a number that is passed instead of the port, and under which the JDK caches its session for a
 * later handshake. The host is the real one, for which the certificate is checked as usual. A resumed session has had
 * its certificate checked for the same host.
 *
 * <p>Thread-safe.
 */
final class TlsSessions {
    private static final String SINGLE_USE = "TLSv1.3";

    private final IntSupplier numbers;
    /** Places with a session, the newest session last; guarded by this. */
    private final Deque<Integer> filled = new ArrayDeque<>();

    private final Deque<Integer> empty = new ArrayDeque<>();
    /** A place whose session may be resumed repeatedly, as before TLS 1.3; null for none. */
    private Integer shared;

    /** @param numbers supplies numbers for new places, unique among all providers */
    TlsSessions(IntSupplier numbers) {
        this.numbers = numbers;
    }

    /** A place for a handshake. {@link #shookHands} or {@link #failed} must follow. */
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
     * A handshake has succeeded. Under TLS 1.3 its place becomes free when the first bytes after it arrive, or the
     * connection is closed; before TLS 1.3, all handshakes share the place's session.
     *
     * @param place from {@link #take}
     * @return a handler that sees these first bytes, to be added before the TLS handler; null if none is needed
     */
    synchronized ChannelInboundHandlerAdapter shookHands(int place, SSLSession session) {
        if (!session.getProtocol().equals(SINGLE_USE)) {
            shared = place;
            return null;
        }
        if (shared != null && shared == place) {
            // The provider has been upgraded to TLS 1.3 meanwhile.
            shared = null;
        }
        return new TicketWatch(place);
    }

    private synchronized void settled(int place, boolean hasSession) {
        (hasSession ? filled : empty).addLast(place);
    }

    /**
     * Watches for the first bytes after a handshake. A provider sends its tickets, if any, in these bytes, before any
     * answer. If it sent none, the place has no session, and the next handshake in this place is a full one.
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
            // The connection was closed before any byte came.
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
     * Whether a provider has refused the handshake. In TLS 1.3 it may do so after the handshake has ended for this
     * side, since it checks the client's certificate only then.
     */
    static boolean isRefusal(Throwable failure) {
        Throwable cause = failure;
        while (cause != null && !(cause instanceof SSLHandshakeException)) {
            cause = cause.getCause();
        }
        return cause != null;
    }
}
