package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import io.netty.handler.codec.http2.AbstractHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2LocalFlowController;
import io.netty.handler.codec.http2.DefaultHttp2RemoteFlowController;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.UniformStreamByteDistributor;
import java.time.Duration;
import java.util.function.LongSupplier;

/** Sets connections of HTTP/2 up: what they allow providers. */
final class Http2Connections extends AbstractHttp2ConnectionHandlerBuilder<Http2Connection, Http2Connections> {
    /** Bytes that a stream's provider may be ahead of its client: the part of a call's room that no buffer takes. */
    static final int STREAM_WINDOW = 48 * 1024;
    /** The same for a client that takes much, while there is memory: 20 MB/s from a provider 50 ms away. */
    static final int WIDEST_STREAM_WINDOW = 1 << 20;
    /**
     * Bytes that a connection's provider may be ahead of what has been read. As it is given back when it is read,
     * whether a client takes it or not, nothing is held for it.
     */
    private static final int CONNECTION_WINDOW = 4 << 20;

    /** Empty frames in a row are of no use, but no fault either: some servers flush that way. */
    private static final int EMPTY_FRAMES = 1000;
    /** A head in frames of 1 KiB; some servers send no longer ones. Its length is bounded anyway. */
    private static final int SMALL_CONTINUATIONS = AnswerReader.MAX_HEAD_BYTES / 1024;
    /** Half of a window is given back at a time. */
    private static final float WINDOW_RATIO = 0.5f;

    private static final int CLOSING_MILLIS = 1000;

    private final WatchedChannel channel;
    private final Http2Connection.Owner owner;
    private final Duration limit;
    private final LongSupplier nanoTime;
    private final MemoryBudget memory;

    private Http2Connections(
            WatchedChannel channel,
            Http2Connection.Owner owner,
            Duration limit,
            LongSupplier nanoTime,
            MemoryBudget memory) {
        this.channel = channel;
        this.owner = owner;
        this.limit = limit;
        this.nanoTime = nanoTime;
        this.memory = memory;
        DefaultHttp2Connection connection = new DefaultHttp2Connection(false);
        connection.local().flowController(new DefaultHttp2LocalFlowController(connection, WINDOW_RATIO, true));
        connection
                .remote()
                .flowController(
                        new DefaultHttp2RemoteFlowController(connection, new UniformStreamByteDistributor(connection)));
        connection(connection);
        initialSettings(new Http2Settings()
                .pushEnabled(false)
                .initialWindowSize(STREAM_WINDOW)
                .maxHeaderListSize(AnswerReader.MAX_HEAD_BYTES));
        headerSensitivityDetector((name, value) -> Http2Head.isSensitive(name));
        // It is only a hint (RFC 9113, 6.5.2): the provider's own refusal says more.
        encoderIgnoreMaxHeaderListSize(true);
        decoderEnforceMaxConsecutiveEmptyDataFrames(EMPTY_FRAMES);
        decoderEnforceMaxSmallContinuationFrames(SMALL_CONTINUATIONS);
        gracefulShutdownTimeoutMillis(CLOSING_MILLIS);
    }

    /** Speaks HTTP/2 over a channel that has agreed to it. */
    static Http2Connection open(
            WatchedChannel channel,
            Http2Connection.Owner owner,
            Duration limit,
            LongSupplier nanoTime,
            MemoryBudget memory) {
        Http2Connection connection = new Http2Connections(channel, owner, limit, nanoTime, memory).build();
        channel.pipeline().addLast(connection);
        return connection;
    }

    /** Lets all streams together have more than one; to be called once the settings have been written. */
    static void widen(io.netty.handler.codec.http2.Http2Connection connection) throws Http2Exception {
        connection.local().flowController().incrementWindowSize(connection.connectionStream(), CONNECTION_WINDOW);
    }

    @Override
    protected Http2Connection build(
            Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings) {
        return new Http2Connection(decoder, encoder, settings, channel, owner, limit, nanoTime, memory);
    }
}
