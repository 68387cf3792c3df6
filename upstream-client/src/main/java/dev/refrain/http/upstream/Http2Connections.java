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

/** Builds connections of HTTP/2, with their limits for providers. */
final class Http2Connections extends AbstractHttp2ConnectionHandlerBuilder<Http2Connection, Http2Connections> {
    /**
     * Bytes that a provider may send ahead of a stream's client: the part of {@link Admission#CALL_BYTES} that buffers
     * do not need.
     */
    static final int STREAM_WINDOW = 48 * 1024;
    /** {@link #STREAM_WINDOW} for a fast client, while there is memory: 20 MB/s from a provider 50 ms away. */
    static final int WIDEST_STREAM_WINDOW = 1 << 20;
    /**
     * Bytes that a provider may send ahead of this side's reads on a connection. Each read reopens the window, whether
     * or not a client takes the bytes, so no memory is held for it.
     */
    private static final int CONNECTION_WINDOW = 4 << 20;

    /** At most this many empty frames are accepted in a row. Fewer are no error, since some servers flush that way. */
    private static final int EMPTY_FRAMES = 1000;
    /**
     * At most this many small continuation frames are accepted: enough for the longest head in frames of 1 KiB, which
     * some servers use.
     */
    private static final int SMALL_CONTINUATIONS = AnswerReader.MAX_HEAD_BYTES / 1024;
    /** A window is reopened when half of it is used up. */
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
        // The setting is only advisory (RFC 9113, 6.5.2), and a provider's refusal of a long head says more.
        encoderIgnoreMaxHeaderListSize(true);
        decoderEnforceMaxConsecutiveEmptyDataFrames(EMPTY_FRAMES);
        decoderEnforceMaxSmallContinuationFrames(SMALL_CONTINUATIONS);
        gracefulShutdownTimeoutMillis(CLOSING_MILLIS);
    }

    /** Opens HTTP/2 over a channel that has agreed to it in the handshake. */
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

    /** Sets the window of all streams together. Must be called after the settings have been written. */
    static void widen(io.netty.handler.codec.http2.Http2Connection connection) throws Http2Exception {
        connection.local().flowController().incrementWindowSize(connection.connectionStream(), CONNECTION_WINDOW);
    }

    @Override
    protected Http2Connection build(
            Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings) {
        return new Http2Connection(decoder, encoder, settings, channel, owner, limit, nanoTime, memory);
    }
}
