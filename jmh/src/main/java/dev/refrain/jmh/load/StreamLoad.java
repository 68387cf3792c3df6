package dev.refrain.jmh.load;

import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Many slow streams at once: {@code StreamLoad [jar] [clients] [answers] [seconds] [heap] [http|https]}. The last
 * argument is the provider's scheme. With {@code https}, no stream begins before all have been requested, since
 * handshakes may take longer than streams.
 *
 * <p>All clients connect within a few seconds, and request with caching on a stream of one token every 50 ms. With as
 * many answers as clients, every request is a miss that is captured and stored; with fewer, the others become
 * followers. When all streams have ended, all clients request them again, as hits. Each received byte is compared with
 * the expected one. A wrong byte or a wrong end of a stream makes the program exit with 1.
 */
public final class StreamLoad {
    private static final int PACE_MILLIS = 50;
    /** New clients in each millisecond. */
    private static final double ARRIVALS = 0.5;

    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(120);

    private final int clients;
    private final int answers;
    private final int tokens;
    private final ChildProxy proxy;
    private final Timeline timeline;

    private StreamLoad(int clients, int answers, int tokens, ChildProxy proxy, Timeline timeline) {
        this.clients = clients;
        this.answers = answers;
        this.tokens = tokens;
        this.proxy = proxy;
        this.timeline = timeline;
    }

    /**
     * See the description of the class; the defaults are 2,000 clients and as many answers for 30 seconds in 512 MiB.
     */
    public static void main(String[] args) throws Exception {
        Path jar = Path.of(args.length > 0 ? args[0] : "http-frontend/target/refrain.jar");
        int clients = args.length > 1 ? Integer.parseInt(args[1]) : 2000;
        int answers = args.length > 2 ? Integer.parseInt(args[2]) : clients;
        int seconds = args.length > 3 ? Integer.parseInt(args[3]) : 30;
        String heap = args.length > 4 ? args[4] : "512m";
        int tokens = seconds * 1000 / PACE_MILLIS;
        boolean isTls = args.length > 5 && args[5].equals("https");
        Timeline timeline = new Timeline(answers, tokens + 2);
        Path folder = Files.createTempDirectory("refrain-streams");
        Path keys = folder.resolve("keys.p12");
        if (isTls) {
            SelfSigned.write(keys);
        }
        try (SlowProvider provider = new SlowProvider(
                        tokens, PACE_MILLIS, timeline, isTls ? SelfSigned.context(keys) : null, isTls ? answers : 0);
                ChildProxy proxy = new ChildProxy(jar, heap, provider.base(), isTls ? settings(keys) : Map.of())) {
            StreamLoad load = new StreamLoad(clients, answers, tokens, proxy, timeline);
            System.out.printf(
                    Locale.ROOT,
                    "%,d clients, %,d answers, %,d tokens each, a heap of %s, a provider by %s%n",
                    clients,
                    answers,
                    tokens,
                    heap,
                    isTls ? "HTTPS" : "HTTP");
            load.warmUp();
            Duration before = proxy.processorTime();
            load.run(true);
            System.out.printf(
                    Locale.ROOT,
                    "calls to the provider %,d; processor time of the proxy %.1f s%n",
                    provider.calls() - 1,
                    proxy.processorTime().minus(before).toMillis() / 1000.0);
            load.run(false);
            System.out.printf(Locale.ROOT, "calls to the provider %,d%n", provider.calls() - 1);
        } finally {
            Files.deleteIfExists(keys);
            Files.delete(folder);
        }
    }

    private static Map<String, String> settings(Path keys) {
        Map<String, String> settings = new HashMap<>(TlsProvider.trust(keys));
        // So many TLS handshakes may take the provider's single thread long, which is not what is measured.
        settings.put("REFRAIN_TIMEOUTS_CONNECT", "2m");
        return settings;
    }

    /** Keeps class loading and compilation of a first request out of the figures. */
    private void warmUp() throws IOException {
        TokenStream stream = new TokenStream(0, tokens);
        try (SocketChannel channel =
                SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), proxy.port()))) {
            channel.write(request(stream, "false"));
            channel.read(ByteBuffer.allocate(1));
        }
    }

    private static ByteBuffer request(TokenStream stream, String cache) {
        String body = stream.request();
        return ByteBuffer.wrap(("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer load\r\n"
                        + "X-OpenRouter-Cache: " + cache + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.ISO_8859_1));
    }

    private static final class Client {
        final SocketChannel channel;
        final StreamClient response;
        final TokenStream stream;
        long askedNanos;
        long firstByteNanos;

        Client(SocketChannel channel, TokenStream stream, StreamClient.Listener listener) {
            this.channel = channel;
            this.stream = stream;
            this.response = new StreamClient(stream, listener);
        }
    }

    private final class Delays implements StreamClient.Listener {
        private long[] nanos = new long[1 << 16];
        private int count;
        private boolean nearTheEnd;
        private boolean paused;

        @Override
        public void event(int stream, int index) {
            nearTheEnd |= index >= tokens * 9 / 10;
            if (!paused) {
                if (count == nanos.length) {
                    nanos = Arrays.copyOf(nanos, count * 2);
                }
                nanos[count++] = System.nanoTime() - timeline.sentAt(stream, index);
            }
        }
    }

    /** @param live whether the streams come from the provider, rather than as hits */
    private void run(boolean live) throws IOException {
        Delays delays = new Delays();
        Client[] all = new Client[clients];
        int started = 0;
        int ended = 0;
        long start = System.nanoTime();
        long heard = start;
        CompletableFuture<String> sight = new CompletableFuture<>();
        try (Selector selector = Selector.open()) {
            ByteBuffer bytes = ByteBuffer.allocateDirect(64 * 1024);
            while (ended < clients) {
                long passed = (System.nanoTime() - start) / 1_000_000;
                while (started < clients && started < passed * ARRIVALS) {
                    all[started] = start(selector, new TokenStream(started % answers, tokens), delays);
                    started++;
                }
                // The memory is measured now, when all streams are open and none has ended. This takes a full
                // collection, which would spoil the delays, so no delays are recorded from here on.
                if (live && !delays.paused && delays.nearTheEnd) {
                    delays.paused = true;
                    Thread watcher = new Thread(() -> sight.complete(look()), "watcher");
                    watcher.setDaemon(true);
                    watcher.start();
                }
                if (selector.select(1) > 0) {
                    heard = System.nanoTime();
                } else if (System.nanoTime() - heard > PATIENCE_NANOS) {
                    throw new IOException("Nothing comes any more; " + ended + " streams have ended");
                }
                for (SelectionKey key : selector.selectedKeys()) {
                    ended += receive(key, bytes) ? 1 : 0;
                }
                selector.selectedKeys().clear();
            }
        }
        report(live, all, delays, start);
        if (live) {
            System.out.println(sight.join());
        }
    }

    private Client start(Selector selector, TokenStream stream, Delays delays) throws IOException {
        SocketChannel channel = SocketChannel.open();
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        Client client = new Client(channel, stream, delays);
        boolean connected = channel.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), proxy.port()));
        channel.register(selector, connected ? SelectionKey.OP_WRITE : SelectionKey.OP_CONNECT, client);
        return client;
    }

    /** Returns whether the client's stream has ended. */
    private static boolean receive(SelectionKey key, ByteBuffer bytes) throws IOException {
        Client client = (Client) key.attachment();
        if (key.isConnectable()) {
            client.channel.finishConnect();
            key.interestOps(SelectionKey.OP_WRITE);
        } else if (key.isWritable()) {
            client.askedNanos = System.nanoTime();
            client.channel.write(request(client.stream, "true"));
            key.interestOps(SelectionKey.OP_READ);
        } else {
            bytes.clear();
            int count = client.channel.read(bytes);
            if (count < 0) {
                throw new IOException("Stream " + client.stream.number() + " was cut");
            }
            if (client.firstByteNanos == 0) {
                client.firstByteNanos = System.nanoTime();
            }
            client.response.accept(bytes.flip());
            if (client.response.isComplete()) {
                client.channel.close();
                return true;
            }
        }
        return false;
    }

    private String look() {
        try {
            long threads = proxy.status("Threads");
            long resident = proxy.status("VmRSS") / 1024;
            long anonymous = proxy.status("RssAnon") / 1024;
            return String.format(
                    Locale.ROOT,
                    "with all streams open: %,d threads, %,d MiB alive on the heap, %,d MiB of direct memory, %,d MiB "
                            + "resident, %,d without files",
                    threads,
                    proxy.liveHeapMib(),
                    proxy.directMib(),
                    resident,
                    anonymous);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void report(boolean live, Client[] all, Delays delays, long start) {
        long hits = Arrays.stream(all).filter(client -> client.response.isHit()).count();
        long[] firstBytes = Arrays.stream(all)
                .mapToLong(client -> client.firstByteNanos - client.askedNanos)
                .toArray();
        System.out.printf(
                Locale.ROOT,
                "%s: %,d streams complete and right after %.1f s, %,d of them %s%n",
                live ? "live" : "again",
                all.length,
                (System.nanoTime() - start) / 1e9,
                hits,
                live ? "followers" : "hits");
        System.out.println("  first byte: " + percentiles(firstBytes, firstBytes.length));
        if (live) {
            System.out.println("  delay of a token: " + percentiles(delays.nanos, delays.count));
        }
    }

    private static String percentiles(long[] nanos, int count) {
        long[] sorted = Arrays.copyOf(nanos, count);
        Arrays.sort(sorted);
        return String.format(
                Locale.ROOT,
                "p50 %.1f ms, p99 %.1f ms, longest %.1f ms (%,d)",
                ms(sorted[count / 2]),
                ms(sorted[(int) (count * 0.99)]),
                ms(sorted[count - 1]),
                count);
    }

    private static double ms(long nanos) {
        return nanos / (double) TimeUnit.MILLISECONDS.toNanos(1);
    }
}
