package dev.refrain.jmh.http;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Sends requests at a fixed rate over some connections, however fast they are answered. A delay is measured from the
 * time when the request was due, so it includes any wait for earlier requests. Never sleeps, so it needs a processor of
 * its own.
 *
 * <p>Arguments: URL; requests a second, or 0 for each body once, as fast as possible; seconds; and {@code N},
 * {@code SIZE}, {@code ZIPF}, {@code STREAM} and {@code CONNECTIONS} as for {@code compare.sh}. Prints the figures of
 * {@code bodies.lua}, and how many delays were over 10 ms. Of these it also prints how many fell into times when this
 * program itself had been held up and was catching up, and how long it was held up ({@link Hiccups}).
 */
public final class FixedRate {
    /** Seconds that are not measured, because this program is being compiled. */
    private static final int WARM_UP_SECONDS = 5;

    /** After a pause of this length, this program counts as held up, and sends all overdue requests at once. */
    private static final long HELD_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long LONG_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final byte[] STATUS = "HTTP/1.1 200 ".getBytes(StandardCharsets.US_ASCII);

    private final Selector selector = Selector.open();
    private final ArrayDeque<Connection> idle = new ArrayDeque<>();
    private final ByteBuffer[] requests;
    private final Histogram delays = new Histogram(TimeUnit.MINUTES.toNanos(1), 3);
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(256 * 1024);
    private Hiccups own;
    /** Whether this program was held up and has not caught up. */
    private boolean isBehind;

    private long longAndOwn;
    private int errors;

    private FixedRate(URI url, int connections, ByteBuffer[] requests) throws IOException {
        this.requests = requests;
        for (int i = 0; i < connections; i++) {
            SocketChannel channel = SocketChannel.open(new InetSocketAddress(url.getHost(), url.getPort()));
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false);
            Connection connection = new Connection(channel);
            channel.register(selector, SelectionKey.OP_READ, connection);
            idle.add(connection);
        }
    }

    private static final class Connection {
        final SocketChannel channel;
        long due;
        boolean counts;
        /** Bytes of the answer that are still to come; -1 before its head. */
        long left;

        Connection(SocketChannel channel) {
            this.channel = channel;
        }
    }

    /** Prints one line. */
    @SuppressWarnings("SystemOut") // the output of a command-line program
    public static void main(String[] arguments) throws IOException {
        URI url = URI.create(arguments[0]);
        int rate = Integer.parseInt(arguments[1]);
        int seconds = Integer.parseInt(arguments[2]);
        int count = Integer.parseInt(arguments[3]);
        int size = Integer.parseInt(arguments[4]);
        boolean popular = arguments[5].equals("1");
        boolean stream = arguments[6].equals("1");
        ByteBuffer[] requests = new ByteBuffer[count];
        for (int i = 0; i < count; i++) {
            byte[] bytes = Bodies.request(i + 1, size, stream, url.getAuthority());
            requests[i] = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        }
        FixedRate load = new FixedRate(url, Integer.parseInt(arguments[7]), requests);
        if (rate == 0) {
            load.each();
            return;
        }
        int[] order = popular ? Bodies.byPopularity(count) : null;
        long asked = load.run(rate, seconds, order);
        System.out.printf(
                Locale.ROOT,
                "RESULT rps=%d p50us=%d p99us=%d p999us=%d maxus=%d errors=%d over10ms=%d own: over10ms %d, %s%n",
                asked / seconds,
                load.delays.getValueAtPercentile(50) / 1000,
                load.delays.getValueAtPercentile(99) / 1000,
                load.delays.getValueAtPercentile(99.9) / 1000,
                load.delays.getMaxValue() / 1000,
                load.errors,
                load.delays.getTotalCount() - load.delays.getCountBetweenValues(0, LONG_NANOS),
                load.longAndOwn,
                load.own);
    }

    private void each() throws IOException {
        int connections = idle.size();
        for (int i = 0; i < requests.length; i++) {
            while (idle.isEmpty()) {
                await();
            }
            send(requests[i], System.nanoTime(), false);
        }
        while (idle.size() < connections) {
            await();
        }
    }

    private long run(int rate, int seconds, int[] order) throws IOException {
        double interval = 1e9 / rate;
        long start = System.nanoTime();
        long counted = start + TimeUnit.SECONDS.toNanos(WARM_UP_SECONDS);
        long end = counted + TimeUnit.SECONDS.toNanos(seconds);
        long asked = 0;
        for (long i = 0; ; i++) {
            long due = start + (long) (i * interval);
            if (due >= end) {
                break;
            }
            for (long now = System.nanoTime(); now < due || idle.isEmpty(); now = System.nanoTime()) {
                receive();
                if (now >= counted) {
                    look(now);
                    isBehind &= now >= due || idle.isEmpty();
                }
            }
            int body = order == null ? (int) (i % requests.length) : order[(int) (i % order.length)];
            send(requests[body], due, due >= counted);
            asked += due >= counted ? 1 : 0;
        }
        // Waits for the requests under way.
        long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (idle.size() < selector.keys().size() && System.nanoTime() < patience) {
            receive();
        }
        return asked;
    }

    private void look(long now) {
        own = own == null ? new Hiccups() : own;
        isBehind |= own.turn(now) > HELD_UP_NANOS;
    }

    private void send(ByteBuffer request, long due, boolean counts) throws IOException {
        Connection connection = idle.poll();
        connection.due = due;
        connection.counts = counts;
        connection.left = -1;
        request.rewind();
        while (request.hasRemaining()) {
            connection.channel.write(request);
        }
    }

    private void receive() throws IOException {
        receive(selector.selectNow());
    }

    /** Blocks, to leave the processor to a provider that shares it. */
    private void await() throws IOException {
        receive(selector.select());
    }

    private void receive(int ready) throws IOException {
        if (ready == 0) {
            return;
        }
        for (SelectionKey key : selector.selectedKeys()) {
            Connection connection = (Connection) key.attachment();
            buffer.clear();
            int count = connection.channel.read(buffer);
            if (count < 0) {
                throw new EOFException("the server closed a connection");
            }
            if (connection.left < 0) {
                connection.left = length();
            }
            connection.left -= count;
            if (connection.left == 0) {
                if (connection.counts) {
                    long now = System.nanoTime();
                    look(now);
                    long delay = now - connection.due;
                    delays.recordValue(Math.min(delay, delays.getHighestTrackableValue()));
                    longAndOwn += isBehind && delay > LONG_NANOS ? 1 : 0;
                }
                idle.add(connection);
            }
        }
        selector.selectedKeys().clear();
    }

    /** The length of the whole answer. Its head is in the buffer, and must have come in one piece. */
    private long length() throws IOException {
        for (int i = 0; i < STATUS.length; i++) {
            if (buffer.get(i) != STATUS[i]) {
                errors++;
                break;
            }
        }
        long length = -1;
        for (int i = STATUS.length; i + 2 < buffer.position(); i++) {
            if (buffer.get(i) == '\n') {
                if (buffer.get(i + 1) == '\r') {
                    if (length < 0) {
                        throw new IOException("an answer without a length");
                    }
                    return i + 3 + length;
                }
                if (isLength(i + 1)) {
                    length = 0;
                    for (int at = i + 17; buffer.get(at) != '\r'; at++) {
                        length = length * 10 + buffer.get(at) - '0';
                    }
                }
            }
        }
        throw new IOException("an answer's head came in pieces");
    }

    private boolean isLength(int at) {
        String name = "content-length: ";
        for (int i = 0; i < name.length(); i++) {
            if (Character.toLowerCase((char) buffer.get(at + i)) != name.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
