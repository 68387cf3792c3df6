package dev.refrain.http.upstream;

import io.netty.channel.socket.nio.NioSocketChannel;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A socket that can be asked whether its peer has closed it, without waiting for the selector to say so. */
final class WatchedChannel extends NioSocketChannel {
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
}
