package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.answer.Unreachable;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandler;
import io.netty.resolver.dns.DnsNameResolverTimeoutException;
import java.net.ConnectException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;

/**
 * Makes connections: looks the name up, tries its addresses, and makes the TLS handshake. One timeout covers all steps.
 *
 * <p>The addresses are tried as RFC 8305 says: the address families alternate, IPv6 first, and each attempt has a head
 * start over the next. So an address that does not answer costs a fraction of a second, not a whole timeout.
 */
final class Connector {
    /** RFC 8305, 5 and 8: "Connection Attempt Delay". */
    private static final long HEAD_START_MILLIS = 250;
    /** The name of HTTP/2 in the TLS handshake (RFC 7301; RFC 9113, 3.1). */
    static final String HTTP_2 = "h2";

    private static final String[] BOTH = {HTTP_2, "http/1.1"};
    private static final String[] NEITHER = {};
    /** Bytes read at a time; twice as many may wait to be written. */
    private static final int PIECE = 16 * 1024;

    /** Receives the result, on the event loop. */
    interface Receiver {
        /**
         * There is a connection.
         *
         * @param via the proxy to which requests are sent in place of the provider, or null
         */
        void connected(WatchedChannel channel, ProxyRules.Proxy via);

        void unconnected(ProxyException why);
    }

    private final Names names;
    private volatile CompletableFuture<SSLContext> tls;
    private final Duration limit;
    private final ByteBufAllocator memory;
    private final ProxyRules proxies;
    private final Map<Origin, TlsSessions> sessionsByOrigin = new ConcurrentHashMap<>();
    private final AtomicInteger places = new AtomicInteger();

    /**
     * Begins without connections.
     *
     * @param tls may still be incomplete
     */
    Connector(
            Names names,
            CompletableFuture<SSLContext> tls,
            Duration limit,
            ByteBufAllocator memory,
            ProxyRules proxies) {
        this.names = names;
        this.tls = tls;
        this.limit = limit;
        this.memory = memory;
        this.proxies = proxies;
    }

    /** Sets the TLS context for connections made from now on. */
    void tls(SSLContext next) {
        tls = CompletableFuture.completedFuture(next);
    }

    Duration limit() {
        return limit;
    }

    /**
     * Connects; the receiver is called once.
     *
     * @param offersHttp2 whether to offer HTTP/2 in the handshake
     * @param isForWebSocket whether the connection is for a websocket, and so for HTTP/1.1 only. A proxy then tunnels
     *     it, even without TLS (RFC 6455, 4.1), since it may not know websockets
     */
    void connect(Origin origin, EventLoop loop, boolean offersHttp2, boolean isForWebSocket, Receiver receiver) {
        loop.execute(new Attempt(origin, loop, offersHttp2 && !isForWebSocket, isForWebSocket, receiver)::begin);
    }

    /** One connection being made. Used on its event loop only. */
    private final class Attempt {
        private final Origin origin;
        private final EventLoop loop;
        private final Receiver receiver;
        private final boolean offersHttp2;
        private final boolean isForWebSocket;
        /** The HTTP proxy; null for none. */
        private final ProxyRules.Proxy proxy;
        /** The host to connect to: the proxy if there is one, else the origin. */
        private final Origin next;

        private Unreachable stage = Unreachable.LOOK_UP_TIMED_OUT;
        private Future<?> timeout;
        private Future<?> headStart;
        private Deque<InetAddress> untried = new ArrayDeque<>();
        /** Whether the lookup is complete, so that no more addresses follow. */
        private boolean areAllKnown;

        private final List<Channel> trying = new ArrayList<>(2);
        /** The first connection that was established. */
        private Channel winner;

        private Throwable lastFailure;
        private boolean over;

        Attempt(Origin origin, EventLoop loop, boolean offersHttp2, boolean isForWebSocket, Receiver receiver) {
            this.offersHttp2 = offersHttp2;
            this.origin = origin;
            this.loop = loop;
            this.isForWebSocket = isForWebSocket;
            this.receiver = receiver;
            this.proxy = proxies.to(origin);
            this.next = proxy == null ? origin : proxy.origin();
        }

        void begin() {
            timeout = loop.schedule(() -> fail(stage, null), limit.toNanos(), TimeUnit.NANOSECONDS);
            names.lookUp(next.host(), new Names.Receiver() {
                @Override
                public void resolved(List<InetAddress> addresses, boolean areAll) {
                    loop.execute(() -> add(addresses, areAll));
                }

                @Override
                public void unresolved(Throwable failure) {
                    loop.execute(() -> fail(
                            isUnanswered(failure) ? Unreachable.LOOK_UP_TIMED_OUT : Unreachable.UNKNOWN_HOST, failure));
                }
            });
        }

        private void add(List<InetAddress> addresses, boolean areAll) {
            if (over || winner != null) {
                return;
            }
            stage = Unreachable.TIMED_OUT;
            areAllKnown = areAll;
            List<InetAddress> all = new ArrayList<>(untried);
            all.addAll(addresses);
            untried = inTurn(all);
            if (trying.isEmpty()) {
                tryNext();
            } else if (headStart == null && !untried.isEmpty()) {
                headStart = loop.schedule(this::tryNext, HEAD_START_MILLIS, TimeUnit.MILLISECONDS);
            }
        }

        /** Tries the next address, if no attempt has succeeded yet. */
        private void tryNext() {
            if (headStart != null) {
                headStart.cancel(false);
                headStart = null;
            }
            if (over || winner != null) {
                return;
            }
            InetAddress address = untried.poll();
            if (address == null) {
                if (trying.isEmpty()) {
                    stage = lastFailure instanceof ConnectException ? Unreachable.REFUSED : Unreachable.OTHER;
                    if (areAllKnown) {
                        fail(stage, lastFailure);
                    }
                }
                return;
            }
            ChannelFuture connecting = bootstrap().connect(new InetSocketAddress(address, next.port()));
            trying.add(connecting.channel());
            if (!untried.isEmpty()) {
                headStart = loop.schedule(this::tryNext, HEAD_START_MILLIS, TimeUnit.MILLISECONDS);
            }
            connecting.addListener(done -> tried(connecting));
        }

        private void tried(ChannelFuture connecting) {
            trying.remove(connecting.channel());
            if (over || winner != null) {
                connecting.channel().close();
            } else if (connecting.isSuccess()) {
                winner = connecting.channel();
                closeOthers();
                secure();
            } else {
                lastFailure = connecting.cause();
                tryNext();
            }
        }

        /**
         * Closes the attempts that have not won. Works on a copy, because closing a channel removes it from the list.
         */
        private void closeOthers() {
            List.copyOf(trying).forEach(Channel::close);
        }

        private Bootstrap bootstrap() {
            return new Bootstrap()
                    .group(loop)
                    .channelFactory(WatchedChannel::new)
                    .disableResolver()
                    .option(ChannelOption.ALLOCATOR, memory)
                    .option(ChannelOption.TCP_NODELAY, true)
                    .option(ChannelOption.SO_KEEPALIVE, true)
                    .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, 0)
                    .option(ChannelOption.AUTO_READ, false)
                    // Bytes that a provider sent before it broke off must still be read.
                    .option(ChannelOption.AUTO_CLOSE, false)
                    .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(PIECE).maxMessagesPerRead(1))
                    .option(ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(PIECE, 2 * PIECE))
                    .handler(new Idle());
        }

        private void secure() {
            if (proxy == null || !isTunnelled()) {
                awaitTls();
            } else {
                winner.pipeline().addFirst(new ProxyTunnel(proxy, origin, failure -> {
                    if (failure == null) {
                        awaitTls();
                    } else {
                        fail(Unreachable.PROXY, failure);
                    }
                }));
            }
        }

        /** Whether a proxy, if there is one, only tunnels the connection. */
        private boolean isTunnelled() {
            return origin.secure() || isForWebSocket;
        }

        private void awaitTls() {
            if (!origin.secure()) {
                succeed();
                return;
            }
            stage = Unreachable.HANDSHAKE_TIMED_OUT;
            tls.whenComplete((context, failure) -> loop.execute(() -> {
                if (over) {
                    return;
                }
                if (failure != null) {
                    fail(Unreachable.OTHER, failure);
                } else {
                    shakeHands(context);
                }
            }));
        }

        private void shakeHands(SSLContext context) {
            TlsSessions sessions =
                    sessionsByOrigin.computeIfAbsent(origin, one -> new TlsSessions(places::incrementAndGet));
            int place = sessions.take();
            SSLEngine engine = context.createSSLEngine(origin.host(), place);
            engine.setUseClientMode(true);
            SSLParameters parameters = engine.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            parameters.setApplicationProtocols(offersHttp2 ? BOTH : NEITHER);
            engine.setSSLParameters(parameters);
            SslHandler handler = new SslHandler(engine);
            // This class limits the time itself.
            handler.setHandshakeTimeoutMillis(0);
            handler.setCloseNotifyFlushTimeoutMillis(1000);
            winner.pipeline().addFirst(handler);
            handler.handshakeFuture().addListener(done -> {
                if (done.isSuccess()) {
                    ChannelHandler watch = sessions.shookHands(place, engine.getSession());
                    if (watch != null) {
                        winner.pipeline().addFirst(watch);
                    }
                    succeed();
                } else {
                    sessions.failed(place);
                    // A connection that merely broke off is not a failure of TLS.
                    fail(reason(done.cause(), winner.isActive()), done.cause());
                }
            });
        }

        private void succeed() {
            if (!over) {
                over = true;
                timeout.cancel(false);
                winner.pipeline().remove(Idle.class);
                receiver.connected((WatchedChannel) winner, isTunnelled() ? null : proxy);
            } else {
                winner.close();
            }
        }

        private void fail(Unreachable reason, Throwable cause) {
            if (over) {
                return;
            }
            over = true;
            timeout.cancel(false);
            closeOthers();
            if (winner != null) {
                winner.close();
            }
            boolean isProxys = proxy != null && stage != Unreachable.HANDSHAKE_TIMED_OUT;
            receiver.unconnected(ProxyException.unreachable(isProxys ? Unreachable.PROXY : reason, cause));
        }
    }

    /** Whether a lookup has failed because no DNS server has answered. */
    static boolean isUnanswered(Throwable failure) {
        Throwable cause = failure;
        while (cause != null && !(cause instanceof DnsNameResolverTimeoutException)) {
            cause = cause.getCause();
        }
        return cause != null;
    }

    private static Unreachable reason(Throwable failure, boolean isConnected) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException || cause instanceof SSLPeerUnverifiedException) {
                return Unreachable.CERTIFICATE;
            }
            if (cause instanceof NotSslRecordException) {
                return Unreachable.SPEAKS_NO_TLS;
            }
        }
        return isConnected ? Unreachable.HANDSHAKE : Unreachable.OTHER;
    }

    /** Sorts addresses so that the families alternate (RFC 8305, 4). */
    private static Deque<InetAddress> inTurn(List<InetAddress> addresses) {
        Deque<InetAddress> six = new ArrayDeque<>();
        Deque<InetAddress> four = new ArrayDeque<>();
        for (InetAddress address : addresses) {
            (address instanceof Inet6Address ? six : four).add(address);
        }
        Deque<InetAddress> all = new ArrayDeque<>();
        while (!six.isEmpty() || !four.isEmpty()) {
            if (!six.isEmpty()) {
                all.add(six.poll());
            }
            if (!four.isEmpty()) {
                all.add(four.poll());
            }
        }
        return all;
    }

    /** Takes the place of a connection's handler until that is added. */
    @ChannelHandler.Sharable
    private static final class Idle extends ChannelInboundHandlerAdapter {
        @Override
        public void exceptionCaught(ChannelHandlerContext from, Throwable why) {
            // The handshake's listener is told of the failure.
            from.close();
        }
    }
}
