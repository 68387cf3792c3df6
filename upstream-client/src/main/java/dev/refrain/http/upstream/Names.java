package dev.refrain.http.upstream;

import io.netty.channel.EventLoop;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.resolver.dns.DnsNameResolver;
import io.netty.resolver.dns.DnsNameResolverBuilder;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;

/**
 * Looks names of hosts up: in the hosts file, then by DNS as the system's {@code resolv.conf} says. A lookup is a
 * question over a socket and blocks no thread, so one that gets no answer holds up nobody else. Answers are kept for as
 * long as they say themselves. How often the hosts file is read, a property of Netty's says: once, unless it is set.
 *
 * <p>Thread-safe.
 */
final class Names implements AutoCloseable {
    /** Questions at a time that others with the same name wait for. */
    private static final int SHARED_QUESTIONS = 64;

    private final EventLoop loop;
    /** Null for the system's. */
    private final DnsServerAddressStreamProvider servers;
    /** Null until a name is looked up; the loop's. */
    private DnsNameResolver resolver;

    /** @param servers whom to ask, or null for those that the system asks */
    Names(EventLoop loop, DnsServerAddressStreamProvider servers) {
        this.loop = loop;
        this.servers = servers;
    }

    /** Hears what a name stands for, on any thread. */
    interface Receiver {
        /**
         * It has addresses.
         *
         * @param addresses at least one
         */
        void resolved(List<InetAddress> addresses);

        /**
         * It has none, or nobody says so.
         *
         * @param failure an {@link UnknownHostException} if there is no such name
         */
        void unresolved(Throwable failure);
    }

    void lookUp(String host, Receiver receiver) {
        byte[] literal = NetUtil.createByteArrayFromIpAddressString(host);
        if (literal != null) {
            try {
                receiver.resolved(List.of(InetAddress.getByAddress(host, literal)));
            } catch (UnknownHostException impossible) {
                receiver.unresolved(impossible);
            }
            return;
        }
        loop.execute(() -> ask(host, receiver));
    }

    private void ask(String host, Receiver receiver) {
        if (resolver == null) {
            DnsNameResolverBuilder builder = new DnsNameResolverBuilder(loop)
                    .datagramChannelType(NioDatagramChannel.class)
                    // For answers that are too long for a datagram.
                    .socketChannelType(NioSocketChannel.class)
                    .consolidateCacheSize(SHARED_QUESTIONS);
            if (servers != null) {
                builder.nameServerProvider(servers);
            }
            resolver = builder.build();
        }
        resolver.resolveAll(host).addListener((Future<List<InetAddress>> found) -> {
            if (found.isSuccess()) {
                receiver.resolved(found.getNow());
            } else {
                receiver.unresolved(found.cause());
            }
        });
    }

    @Override
    public void close() {
        if (loop.isShuttingDown()) {
            return;
        }
        loop.execute(() -> {
            if (resolver != null) {
                resolver.close();
            }
        });
    }
}
