package dev.refrain.http.upstream;

import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A socket that tells a stale connection: it can be asked whether its peer has closed it, without waiting for the
 * selector to say so.
 */
final class WatchedChannel extends NioSocketChannel {
    private long written;

    /**
     * Whether it is open with nothing to be read: neither an end nor anything that nobody asked for. To be asked on the
     * event loop while the connection is idle. What there is to be read is lost, and the connection good for nothing.
     */
    boolean isQuiet() {
        try {
            return isActive() && javaChannel().read(ByteBuffer.allocate(1)) == 0;
        } catch (IOException reset) {
            return false;
        }
    }

    /** Reads what there is now, rather than when the selector says so. On the event loop, while it is open. */
    void look() {
        if (isActive()) {
            unsafe().read();
        }
    }

    /** Whether the TLS handshake has settled on a protocol (RFC 7301). */
    boolean speaks(String protocol) {
        SslHandler tls = pipeline().get(SslHandler.class);
        return tls != null && protocol.equals(tls.engine().getApplicationProtocol());
    }

    /**
     * How often something has gone out whole, be it a part of a request or a record of TLS: as long as the number is
     * the same, the peer has got nothing more that it could act on. What {@code write} tells of a buffer is not as
     * sure, since TLS may join it with those behind it, and fails all of them if it cannot write the last one. On the
     * event loop.
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
