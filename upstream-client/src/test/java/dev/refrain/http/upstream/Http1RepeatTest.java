package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.semantics.answer.ProxyException;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.handler.codec.DecoderException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests over HTTP/1.1 of which no byte could be written, and requests of which some were. */
@Timeout(60)
class Http1RepeatTest {
    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private ServerSocket server;
    private Socket provider;
    private Http1Connection connection;
    private WatchedChannel channel;

    /** Records how a call ends. */
    private static final class Call implements Exchange {
        final CompletableFuture<String> end = new CompletableFuture<>();
        private final UpstreamRequest request;
        private volatile Throwable failure;

        Call(UpstreamRequest request) {
            this.request = request;
        }

        @Override
        public UpstreamRequest request() {
            return request;
        }

        @Override
        public boolean isOver() {
            return end.isDone();
        }

        @Override
        public boolean begins(Wire wire) {
            return true;
        }

        @Override
        public void unconnected(Throwable why) {
            end.complete("unconnected");
        }

        @Override
        public void unsent(Throwable why) {
            end.complete("unsent");
        }

        @Override
        public boolean mayHoldHead(long bytes) {
            return true;
        }

        @Override
        public boolean mayHoldAhead(long bytes) {
            return true;
        }

        @Override
        public void interim(AnswerHead head) {}

        @Override
        public void head(AnswerHead head) {}

        @Override
        public void piece(ByteBuffer bytes) {}

        @Override
        public void sent(int bytes) {}

        @Override
        public void pause() {}

        @Override
        public void ended(Map<String, List<String>> trailers) {
            end.complete("ended");
        }

        @Override
        public void failed(Throwable why) {
            failure = why;
            end.complete("failed");
        }

        String end() throws Exception {
            return end.get(30, TimeUnit.SECONDS);
        }
    }

    private final class Nobody implements Http1Connection.Owner {
        @Override
        public void idle(Http1Connection connection) {}

        @Override
        public void answers() {}

        @Override
        public void unreachable(ProxyException why) {
            unreachable.set(why.reason());
        }

        @Override
        public void closed(Http1Connection connection) {}
    }

    /** The reason that is logged when the provider cannot be reached. */
    private final AtomicReference<String> unreachable = new AtomicReference<>();

    @BeforeEach
    void connect() throws Exception {
        server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        channel = (WatchedChannel) new Bootstrap()
                .group(loops)
                .channelFactory(WatchedChannel::new)
                .option(ChannelOption.AUTO_READ, false)
                .handler(new ChannelInboundHandlerAdapter())
                .connect(server.getLocalSocketAddress())
                .sync()
                .channel();
        provider = server.accept();
        connection = new Http1Connection(channel, false, null, new Nobody(), System::nanoTime);
        channel.pipeline().addLast(connection);
    }

    @AfterEach
    void close() throws IOException {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        provider.close();
        server.close();
    }

    private static UpstreamRequest request(byte[] body) {
        return new UpstreamRequest(
                "POST",
                new Origin(false, "127.0.0.1", 1),
                "/v1/x",
                List.of(),
                body == null ? null : new HeldBody(body));
    }

    private Call start(byte[] body) {
        Call call = new Call(request(body));
        connection.loop().execute(() -> connection.start(call));
        return call;
    }

    /** The socket refuses the first byte, like a connection whose peer has left since it was checked. */
    @ParameterizedTest
    @ValueSource(ints = {-1, 2, 200_000})
    void anUnwrittenRequestMayBeRepeated(int length) throws Exception {
        channel.shutdownOutput().sync();
        assertThat(channel.isActive()).isTrue();
        assertThat(start(length < 0 ? null : new byte[length]).end()).isEqualTo("unsent");
        assertThat(provider.getInputStream().read()).isNegative();
    }

    /** Bytes are under way before the peer leaves, so it may have read them. */
    @Test
    void f36_aPartlyWrittenRequestFails() throws Exception {
        // More than the sockets buffer, so that writing fails, too.
        Call call = start(new byte[50_000_000]);
        assertThat(provider.getInputStream().read()).isEqualTo('P');
        provider.setSoLinger(true, 0);
        provider.close();
        assertThat(call.end()).isEqualTo("failed");
    }

    /** In TLS 1.3, a server checks the client's certificate after the client considers the handshake complete. */
    @Test
    void aClientCertificateRefusedAfterTheHandshakeIsReported() throws Exception {
        Call call = start(new byte[2]);
        assertThat(provider.getInputStream().read()).isEqualTo('P');
        channel.pipeline().fireExceptionCaught(new DecoderException(new SSLHandshakeException("certificate_required")));
        assertThat(call.end()).isEqualTo("failed");
        assertThat(ProxyException.of(call.failure).reason()).isEqualTo("handshake-failed");
        assertThat(unreachable).hasValue("handshake-failed");
    }
}
