package dev.refrain.jmh.load;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;

/**
 * A provider that answers each request with the {@link TokenStream} that the request names, event by event, at an even
 * pace for all requests.
 */
final class SlowProvider implements AutoCloseable {
    private static final Pattern LENGTH = Pattern.compile("(?i)\r\ncontent-length: *(\\d+)\r\n");
    private static final Pattern NUMBER = Pattern.compile("\"n\":(\\d+)");
    private static final String HEAD =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

    private final ServerSocketChannel server;
    /** Holds the certificate; null for a provider without TLS. */
    private final SSLContext tls;

    private final Selector selector;
    private final Thread thread;
    private final int tokens;
    private final long paceNanos;
    private final Timeline timeline;
    /** Connections with more to send, ordered by their next time. All have the same pace, so a queue suffices. */
    private final ArrayDeque<Connection> due = new ArrayDeque<>();

    private final int together;
    /** Connections whose streams begin when enough others have come. */
    private final List<Connection> held = new ArrayList<>();

    private volatile boolean closed;
    private final AtomicInteger calls = new AtomicInteger();

    private final class Connection {
        private final ByteChannel channel;
        private final ByteBuffer in = ByteBuffer.allocate(8 * 1024);
        private ByteBuffer out = ByteBuffer.allocate(0);
        private TokenStream stream;
        private int next;
        private long atNanos;

        Connection(ByteChannel channel) {
            this.channel = channel;
        }

        /** Returns whether a whole request has come. */
        boolean read() throws IOException {
            if (channel.read(in) < 0) {
                channel.close();
                return false;
            }
            String text = new String(in.array(), 0, in.position(), StandardCharsets.ISO_8859_1);
            int body = text.indexOf("\r\n\r\n") + 4;
            Matcher length = LENGTH.matcher(text);
            if (body < 4 || !length.find() || text.length() < body + Integer.parseInt(length.group(1))) {
                return false;
            }
            Matcher number = NUMBER.matcher(text);
            if (!number.find()) {
                throw new IOException("A request that names no stream: " + text);
            }
            in.clear();
            stream = new TokenStream(Integer.parseInt(number.group(1)), tokens);
            next = 0;
            atNanos = System.nanoTime();
            out = ByteBuffer.wrap(HEAD.getBytes(StandardCharsets.ISO_8859_1));
            return true;
        }

        /** Sends what is due; returns whether there is more to come. */
        boolean send() throws IOException {
            channel.write(out);
            if (out.hasRemaining()) {
                // The proxy applies back-pressure; the rest is sent later.
                return true;
            }
            byte[] event = stream.event(next);
            boolean last = next == stream.events() - 1;
            byte[] size = (Integer.toHexString(event.length) + "\r\n").getBytes(StandardCharsets.ISO_8859_1);
            byte[] end = (last ? "\r\n0\r\n\r\n" : "\r\n").getBytes(StandardCharsets.ISO_8859_1);
            out = ByteBuffer.allocate(size.length + event.length + end.length)
                    .put(size)
                    .put(event)
                    .put(end)
                    .flip();
            timeline.sent(stream.number(), next);
            channel.write(out);
            next++;
            return !last || out.hasRemaining();
        }
    }

    /**
     * Starts the provider.
     *
     * @param timeline receives the time when each event was sent
     * @param tls holds the certificate; null for a provider without TLS
     * @param together how many calls after the first must have come before any of them is answered, so that all streams
     *     are open at the same time however long their handshakes take
     */
    SlowProvider(int tokens, long paceMillis, Timeline timeline, SSLContext tls, int together) throws IOException {
        this.together = together;
        this.tls = tls;
        this.tokens = tokens;
        this.paceNanos = TimeUnit.MILLISECONDS.toNanos(paceMillis);
        this.timeline = timeline;
        selector = Selector.open();
        server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 4096);
        server.configureBlocking(false);
        server.register(selector, SelectionKey.OP_ACCEPT);
        thread = new Thread(this::run, "provider");
        thread.setDaemon(true);
        thread.start();
    }

    String base() throws IOException {
        return (tls == null ? "http" : "https") + "://127.0.0.1:"
                + ((InetSocketAddress) server.getLocalAddress()).getPort() + "/v1";
    }

    int calls() {
        return calls.get();
    }

    private void run() {
        try {
            while (!closed) {
                long wait = due.isEmpty() ? 100_000_000 : due.peek().atNanos - System.nanoTime();
                if (wait > 1_000_000) {
                    selector.select(key -> serve(key), wait / 1_000_000);
                } else {
                    selector.selectNow(key -> serve(key));
                }
                sendDue();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void serve(SelectionKey key) {
        try {
            if (key.isAcceptable()) {
                for (SocketChannel accepted = server.accept(); accepted != null; accepted = server.accept()) {
                    accepted.configureBlocking(false);
                    accepted.register(
                            selector,
                            SelectionKey.OP_READ,
                            new Connection(tls == null ? accepted : new TlsChannel(accepted, tls.createSSLEngine())));
                }
            } else {
                Connection connection = (Connection) key.attachment();
                if (connection.read()) {
                    int call = calls.incrementAndGet();
                    if (call == 1 || call > together + 1) {
                        due.addFirst(connection);
                    } else {
                        hold(connection);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void hold(Connection connection) {
        held.add(connection);
        if (held.size() == together) {
            long now = System.nanoTime();
            for (int i = 0; i < together; i++) {
                held.get(i).atNanos = now + paceNanos * i / together;
            }
            due.addAll(held);
            held.clear();
        }
    }

    private void sendDue() throws IOException {
        long now = System.nanoTime();
        while (!due.isEmpty() && due.peek().atNanos - now <= 0) {
            Connection connection = due.remove();
            if (connection.channel.isOpen() && connection.send()) {
                connection.atNanos += paceNanos;
                if (connection.atNanos - now < 0) {
                    // The provider is late, and does not send faster to catch up.
                    connection.atNanos = now + paceNanos;
                }
                due.add(connection);
            }
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        selector.wakeup();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (SelectionKey key : selector.keys()) {
            key.channel().close();
        }
        selector.close();
    }
}
