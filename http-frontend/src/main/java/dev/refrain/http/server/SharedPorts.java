package dev.refrain.http.server;

import java.io.IOException;
import java.net.ProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.Channel;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;

/**
 * Lets several processes listen on one port (SO_REUSEPORT), so that a new process takes over before the old one ends.
 * XNIO opens the sockets itself and has no such option, so this wraps the JDK's selector provider. Thread-safe.
 */
public final class SharedPorts extends SelectorProvider {
    private static final String PROPERTY = "java.nio.channels.spi.SelectorProvider";

    private static volatile boolean sharing;

    private final SelectorProvider jdk;

    /** Called by the JDK. */
    public SharedPorts() {
        jdk = jdks();
        if (jdk == null) {
            throw new IllegalStateException("this selector provider needs the JDK's own, which was not found");
        }
    }

    /** The JDK's provider; null if this JVM hides it, since it is not part of its API. */
    private static SelectorProvider jdks() {
        try {
            Class<?> provider = Class.forName("sun.nio.ch.DefaultSelectorProvider");
            return (SelectorProvider) provider.getMethod("get").invoke(null);
        } catch (ReflectiveOperationException | RuntimeException hidden) {
            return null;
        }
    }

    /** Installs this provider, if that is possible. Must be called before any channel is opened. */
    public static void install() {
        if (System.getProperty(PROPERTY) == null && jdks() != null) {
            System.setProperty(PROPERTY, SharedPorts.class.getName());
        }
    }

    /**
     * Sets whether server sockets opened from now on share their ports. True only while the two listeners are opened.
     *
     * @throws IOException if ports cannot be shared
     */
    public static void share(boolean on) throws IOException {
        if (on && !(SelectorProvider.provider() instanceof SharedPorts)) {
            throw new IOException("reuse-port works only in a process that java -jar refrain.jar has started");
        }
        sharing = on;
    }

    @Override
    public ServerSocketChannel openServerSocketChannel() throws IOException {
        return shared(jdk.openServerSocketChannel());
    }

    @Override
    public ServerSocketChannel openServerSocketChannel(ProtocolFamily family) throws IOException {
        return shared(jdk.openServerSocketChannel(family));
    }

    private static ServerSocketChannel shared(ServerSocketChannel channel) throws IOException {
        return sharing ? channel.setOption(StandardSocketOptions.SO_REUSEPORT, true) : channel;
    }

    @Override
    public SocketChannel openSocketChannel() throws IOException {
        return jdk.openSocketChannel();
    }

    @Override
    public SocketChannel openSocketChannel(ProtocolFamily family) throws IOException {
        return jdk.openSocketChannel(family);
    }

    @Override
    public DatagramChannel openDatagramChannel() throws IOException {
        return jdk.openDatagramChannel();
    }

    @Override
    public DatagramChannel openDatagramChannel(ProtocolFamily family) throws IOException {
        return jdk.openDatagramChannel(family);
    }

    @Override
    public Pipe openPipe() throws IOException {
        return jdk.openPipe();
    }

    @Override
    public AbstractSelector openSelector() throws IOException {
        return jdk.openSelector();
    }

    @Override
    public Channel inheritedChannel() throws IOException {
        return jdk.inheritedChannel();
    }
}
