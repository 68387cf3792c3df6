package dev.refrain.http.upstream;

import io.netty.channel.EventLoop;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.resolver.DefaultHostsFileEntriesResolver;
import io.netty.resolver.ResolvedAddressTypes;
import io.netty.resolver.dns.DnsNameResolver;
import io.netty.resolver.dns.DnsNameResolverBuilder;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Looks names of hosts up: in the hosts file, then by DNS as the system's {@code resolv.conf} says. A lookup is a
 * question over a socket and blocks no thread, so one that gets no answer holds up nobody else. Answers are kept for as
 * long as they say themselves. A name's IPv4 and IPv6 addresses are two questions, of which one may stay without an
 * answer (RFC 8305, 3). A name that has IPv4 addresses and none of IPv6, or nobody says so, is not asked about the
 * latter for a while. How often the hosts file is read, a property of Netty's says: once, unless it is set.
 *
 * <p>Thread-safe.
 */
final class Names implements AutoCloseable {
    /** Questions at a time that others with the same name wait for. */
    private static final int SHARED_QUESTIONS = 64;
    /** RFC 8305, 3 and 8: "Resolution Delay", for which IPv4 addresses wait for those of IPv6. */
    private static final long RESOLUTION_DELAY_MILLIS = 50;

    /** How long a name with IPv4 addresses alone is taken for one. */
    private static final long IPV4_ALONE_NANOS = TimeUnit.SECONDS.toNanos(30);
    /** Names that are known to have those alone; with more, the oldest is asked about again. */
    private static final int MAX_IPV4_ALONE = 1_000;

    private static final DefaultHostsFileEntriesResolver HOSTS_FILE = new DefaultHostsFileEntriesResolver();

    private final EventLoop loop;
    /** Null for the system's. */
    private final DnsServerAddressStreamProvider servers;
    /** One for each family of addresses; none until a name is looked up. The loop's. */
    private final List<DnsNameResolver> resolvers = new ArrayList<>(2);
    /** When each name turned out to have IPv4 addresses alone, the oldest first. The loop's. */
    private final Map<String, Long> ipv4Alone = new LinkedHashMap<>();

    /** @param servers whom to ask, or null for those that the system asks */
    Names(EventLoop loop, DnsServerAddressStreamProvider servers) {
        this.loop = loop;
        this.servers = servers;
    }

    /** Hears what a name stands for, on any thread. */
    interface Receiver {
        /**
         * It has addresses. Comes again if more may be known later.
         *
         * @param addresses at least one, unless it comes again
         * @param areAll whether there are no more, or nobody says so
         */
        void resolved(List<InetAddress> addresses, boolean areAll);

        /**
         * It has none, or nobody says so. Nothing else comes then.
         *
         * @param failure an {@link UnknownHostException} if there is no such name
         */
        void unresolved(Throwable failure);
    }

    void lookUp(String host, Receiver receiver) {
        byte[] literal = NetUtil.createByteArrayFromIpAddressString(host);
        if (literal != null) {
            try {
                receiver.resolved(List.of(InetAddress.getByAddress(host, literal)), true);
            } catch (UnknownHostException impossible) {
                receiver.unresolved(impossible);
            }
            return;
        }
        loop.execute(() -> ask(host, receiver));
    }

    private void ask(String host, Receiver receiver) {
        // Of both families at once: what the file says of one of them is all that there is.
        List<InetAddress> local = HOSTS_FILE.addresses(host, ResolvedAddressTypes.IPV4_PREFERRED);
        if (local != null && !local.isEmpty()) {
            receiver.resolved(local, true);
            return;
        }
        if (resolvers.isEmpty()) {
            makeResolvers();
        }
        new Questions(host, receiver).ask();
    }

    private void makeResolvers() {
        DnsNameResolverBuilder builder = new DnsNameResolverBuilder(loop)
                .datagramChannelType(NioDatagramChannel.class)
                // For answers that are too long for a datagram.
                .socketChannelType(NioSocketChannel.class)
                .hostsFileEntriesResolver((host, types) -> null)
                .consolidateCacheSize(SHARED_QUESTIONS);
        if (servers != null) {
            builder.nameServerProvider(servers);
        }
        DnsNameResolver usual = builder.build();
        if (usual.resolvedAddressTypes() == ResolvedAddressTypes.IPV4_ONLY) {
            // This machine has no other addresses.
            resolvers.add(usual);
            return;
        }
        usual.close();
        for (ResolvedAddressTypes family : List.of(ResolvedAddressTypes.IPV6_ONLY, ResolvedAddressTypes.IPV4_ONLY)) {
            resolvers.add(builder.copy().resolvedAddressTypes(family).build());
        }
    }

    private boolean hasIpv4Alone(String host) {
        Long since = ipv4Alone.get(host);
        return since != null && System.nanoTime() - since < IPV4_ALONE_NANOS;
    }

    private void noteIpv4Alone(String host) {
        ipv4Alone.remove(host);
        ipv4Alone.put(host, System.nanoTime());
        if (ipv4Alone.size() > MAX_IPV4_ALONE) {
            ipv4Alone.remove(ipv4Alone.keySet().iterator().next());
        }
    }

    /** The questions for one name; the loop's alone. */
    private final class Questions {
        private final String host;
        private final Receiver receiver;
        private final List<InetAddress> untold = new ArrayList<>();
        private int unanswered;
        private boolean asksForBoth;
        private boolean hasTold;
        private boolean hasIpv4;
        private boolean hasIpv6;
        /** Null until one of them fails. */
        private Throwable failure;

        Questions(String host, Receiver receiver) {
            this.host = host;
            this.receiver = receiver;
        }

        void ask() {
            List<DnsNameResolver> asked = hasIpv4Alone(host) ? resolvers.subList(1, 2) : resolvers;
            unanswered = asked.size();
            asksForBoth = unanswered == 2;
            for (DnsNameResolver resolver : asked) {
                resolver.resolveAll(host).addListener((Future<List<InetAddress>> found) -> answered(found));
            }
        }

        private void answered(Future<List<InetAddress>> found) {
            unanswered--;
            if (found.isSuccess()) {
                untold.addAll(found.getNow());
                hasIpv4 |= found.getNow().get(0) instanceof Inet4Address;
                hasIpv6 |= found.getNow().get(0) instanceof Inet6Address;
            } else if (failure == null || Connector.isUnanswered(found.cause())) {
                // That nobody has answered says more than that there are no addresses of one family.
                failure = found.cause();
            }
            if (unanswered == 0) {
                note();
            }
            if (unanswered == 0 && untold.isEmpty() && !hasTold) {
                receiver.unresolved(failure);
            } else if (unanswered == 0 || (found.isSuccess() && untold.get(0) instanceof Inet6Address)) {
                tell();
            } else if (found.isSuccess()) {
                var unused = loop.schedule(this::tellUnlessTold, RESOLUTION_DELAY_MILLIS, TimeUnit.MILLISECONDS);
            }
        }

        /** So that not each connection asks again, and waits for the answer. */
        private void note() {
            if (!hasIpv4) {
                // It may have others by now.
                ipv4Alone.remove(host);
            } else if (asksForBoth && !hasIpv6) {
                noteIpv4Alone(host);
            }
        }

        private void tellUnlessTold() {
            if (unanswered > 0) {
                tell();
            }
        }

        private void tell() {
            List<InetAddress> told = List.copyOf(untold);
            untold.clear();
            hasTold = true;
            receiver.resolved(told, unanswered == 0);
        }
    }

    @Override
    public void close() {
        if (loop.isShuttingDown()) {
            return;
        }
        loop.execute(() -> resolvers.forEach(DnsNameResolver::close));
    }
}
