package dev.refrain.http2;

import io.netty.handler.codec.http2.AbstractHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2RemoteFlowController;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.UniformStreamByteDistributor;
import java.util.Set;
import org.xnio.StreamConnection;

/** Builds connections of HTTP/2, with their limits for clients. */
final class ClientConnections extends AbstractHttp2ConnectionHandlerBuilder<ClientConnection, ClientConnections> {
    /** At most this many requests of a connection run at a time; RFC 9113, 6.5.2 advises no fewer than 100. */
    static final int MOST_STREAMS = 100;
    /** Bytes that a client may send ahead of a stream's reader. */
    static final int STREAM_WINDOW = 64 * 1024;
    /**
     * Bytes that a client may send ahead on all streams of a connection together. More than one stream's window, so
     * that a stream that is read late does not stop the others.
     */
    static final int CONNECTION_WINDOW = 1 << 20;

    /** Limit of a head, in bytes: the same as in HTTP/1.1; see {@code Listener}. */
    static final int HEAD_BYTES =
            (int) Math.max(16 * 1024, Math.min(64 * 1024, Runtime.getRuntime().maxMemory() / 4096));

    /**
     * At most this many frames without data are accepted in a row. They cost work and serve no purpose (CVE-2019-9518).
     */
    private static final int EMPTY_FRAMES = 16;
    /**
     * At most this many small continuation frames are accepted: enough for the longest head in frames of 1 KiB
     * (CVE-2024-27316, CVE-2025-55163).
     */
    private static final int SMALL_CONTINUATIONS = HEAD_BYTES / 1024;
    /** At most this many replies to control frames wait until the client takes them (CVE-2019-9512, CVE-2019-9515). */
    private static final int CONTROL_FRAMES = 1000;
    /**
     * At most this many streams may a client reset, or make the server reset, within {@link #RESET_SECONDS}
     * (CVE-2023-44487, CVE-2025-8671). A client that cancels answers does so a few times a second.
     */
    private static final int RESETS = 200;
    /** Seconds in which {@link #RESETS} are counted. */
    private static final int RESET_SECONDS = 10;

    /**
     * Fields of answers that may go into HPACK's dynamic table, where both ends keep their values while the connection
     * lasts (RFC 7541, 2.3.2). Other fields differ with each answer, or are secret.
     */
    private static final Set<String> KEPT =
            Set.of(":status", "cache-control", "content-type", "server", "vary", "x-openrouter-cache-status");

    private final StreamConnection connection;
    private final Http2Listener listener;

    ClientConnections(StreamConnection connection, Http2Listener listener) {
        this.connection = connection;
        this.listener = listener;
        DefaultHttp2Connection streams = new DefaultHttp2Connection(true);
        streams.remote()
                .flowController(
                        new DefaultHttp2RemoteFlowController(streams, new UniformStreamByteDistributor(streams)));
        connection(streams);
        initialSettings(new Http2Settings()
                // No dynamic table for requests, since it could keep an API key (wire rule W15).
                .headerTableSize(0)
                .maxConcurrentStreams(MOST_STREAMS)
                .initialWindowSize(STREAM_WINDOW)
                .maxHeaderListSize(HEAD_BYTES));
        headerSensitivityDetector((name, value) -> !KEPT.contains(name.toString()));
        encoderIgnoreMaxHeaderListSize(true);
        encoderEnforceMaxQueuedControlFrames(CONTROL_FRAMES);
        encoderEnforceMaxRstFramesPerWindow(RESETS, RESET_SECONDS);
        decoderEnforceMaxRstFramesPerWindow(RESETS, RESET_SECONDS);
        decoderEnforceMaxConsecutiveEmptyDataFrames(EMPTY_FRAMES);
        decoderEnforceMaxSmallContinuationFrames(SMALL_CONTINUATIONS);
        gracefulShutdownTimeoutMillis(0);
    }

    ClientConnection open() {
        return build();
    }

    @Override
    protected ClientConnection build(
            Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings) {
        return new ClientConnection(decoder, encoder, settings, connection, listener);
    }
}
