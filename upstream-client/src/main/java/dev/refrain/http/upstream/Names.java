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
 * Resolves host names: by the hosts file, then by DNS as the system's {@code resolv.conf} says. A lookup uses sockets
 * and blocks no thread, so one without an answer delays no other. DNS answers are cached for their own TTL. IPv4 and
 * IPv6 addresses need a query each, and one of the two may stay unanswered (RFC 8305, 3). After a lookup that found
 * only IPv4 addresses, a name's IPv6 addresses are not queried for a while. Netty reads the hosts file once, unless a
 * property of its own sets an interval.
 *
 * <p>Thread-safe.
 */
final class Names implements AutoCloseable {
    /** At most this many unanswered queries are shared with later lookups of the same name. */
    private static final int SHARED_QUESTIONS = 64;
    /** "Resolution Delay" (RFC 8305, 3 and 8): how long IPv4 addresses wait for IPv6 addresses. */
    private static final long RESOLUTION_DELAY_MILLIS = 50;

    /** How long a name is taken to have only IPv4 addresses. */
    private static final long IPV4_ALONE_NANOS = TimeUnit.SECONDS.toNanos(30);
    /** At most this many names are remembered to have only IPv4 addresses. Beyond that, the oldest is forgotten. */
    private static final int MAX_IPV4_ALONE = 1_000;

    private static final DefaultHostsFileEntriesResolver HOSTS_FILE = new DefaultHostsFileEntriesResolver();

    private final EventLoop loop;
    /** The DNS servers; null for the system's. */
    private final DnsServerAddressStreamProvider servers;
    /** One resolver for each address family; empty until the first lookup. Used on the loop only. */
    private final List<DnsNameResolver> resolvers = new ArrayList<>(2);
    /** When each name was found to have only IPv4 addresses, the oldest first. Used on the loop only. */
    private final Map<String, Long> ipv4Alone = new LinkedHashMap<>();

    /** @param servers the DNS servers, or null for the system's */
    Names(EventLoop loop, DnsServerAddressStreamProvider servers) {
        this.loop = loop;
        this.servers = servers;
    }

    /** Receives a name's addresses, on any thread. */
    interface Receiver {
        /**
         * The name has addresses. Called again later unless {@code areAll}.
         *
         * @param addresses at least one in the first call; may be empty in a later one
         * @param areAll whether all queries have ended, so that no more follow
         */
        void resolved(List<InetAddress> addresses, boolean areAll);

        /**
         * The name has no addresses, or no server has answered. No other call follows.
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
        // One lookup for both families: if the hosts file has addresses of only one, the name has no others.
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
                // If an answer is too long for a datagram, the query is repeated over TCP.
                .socketChannelType(NioSocketChannel.class)
                .hostsFileEntriesResolver((host, types) -> null)
                .consolidateCacheSize(SHARED_QUESTIONS);
        if (servers != null) {
            builder.nameServerProvider(servers);
        }
        DnsNameResolver usual = builder.build();
        if (usual.resolvedAddressTypes() == ResolvedAddressTypes.IPV4_ONLY) {
            // This machine has no IPv6 addresses.
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

    /** The queries for one name. Used on the loop only. */
    private final class Questions {
        private final String host;
        private final Receiver receiver;
        private final List<InetAddress> untold = new ArrayList<>();
        private int unanswered;
        private boolean asksForBoth;
        private boolean hasTold;
        private boolean hasIpv4;
        private boolean hasIpv6;
        /** Null until a query fails. */
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
                // A missing answer is a better reason than a family without addresses.
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

        /**
         * Remembers whether the name has only IPv4 addresses, so that later lookups need no query for IPv6 addresses.
         */
        private void note() {
            if (!hasIpv4) {
                // The name may have other addresses by now.
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
