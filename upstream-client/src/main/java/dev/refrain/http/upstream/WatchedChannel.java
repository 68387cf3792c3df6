package dev.refrain.http.upstream;

import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A socket that detects stale connections: it checks for an end without waiting for the selector to report it. */
final class WatchedChannel extends NioSocketChannel {
    private long written;

    /**
     * Whether the connection is open and has nothing to read, neither an end nor unexpected bytes. Must be called on
     * the event loop while the connection is idle. If there are bytes, one is lost, so the connection must be closed.
     */
    boolean isQuiet() {
        try {
            return isActive() && javaChannel().read(ByteBuffer.allocate(1)) == 0;
        } catch (IOException reset) {
            return false;
        }
    }

    /** Reads available bytes now, before the selector reports them. On the event loop, while the connection is open. */
    void look() {
        if (isActive()) {
            unsafe().read();
        }
    }

    /** Whether the TLS handshake has agreed on this protocol (RFC 7301). */
    boolean speaks(String protocol) {
        SslHandler tls = pipeline().get(SslHandler.class);
        return tls != null && protocol.equals(tls.engine().getApplicationProtocol());
    }

    /**
     * Counts writes in which at least one buffer, such as a part of a request or a TLS record, was sent completely.
     * While the count stays the same, the peer has received nothing more that it could act on. The future of a single
     * {@code write} is less reliable: TLS may join its buffer with later ones, and fails all of them if the last cannot
     * be written. On the event loop.
     */
    long written() {
        return written;
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer buffers) throws Exception {
        int before = buffers.size();
        try {
            super.doWrite(buffers);
        } finally {
            if (buffers.size() < before) {
                written++;
            }
        }
    }
}
