package dev.refrain.jmh.http;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures what a miss costs beyond the provider's own time. Requests go to the provider itself and through each cache
 * in turn, over one connection each. No body is sent twice to the same server. With {@code stream}, it measures the
 * time from the sending of an event to its reading.
 *
 * <p>Arguments: {@code answers} or {@code stream}, optionally followed by a comma and microseconds to wait before each
 * measured request; number of measured requests; number of warm-up requests before them; then {@code name=URL} for the
 * provider and each cache.
 */
public final class AddedDelay {
    private static final long RUN = System.nanoTime();

    private final String name;
    private final Socket socket;
    private final InputStream in;
    private final String head;
    private long[] nanos = new long[1 << 16];
    private int count;

    private AddedDelay(String name, URI url) throws IOException {
        this.name = name;
        socket = new Socket(url.getHost(), url.getPort());
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: " + url.getAuthority()
                + "\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-bench\r\nX-OpenRouter-Cache: "
                + "true\r\nContent-Length: ";
    }

    /** Prints a table. */
    @SuppressWarnings("SystemOut") // the output of a command-line program
    public static void main(String[] arguments) throws IOException {
        boolean stream = arguments[0].startsWith("stream");
        int comma = arguments[0].indexOf(',');
        long pauseNanos = comma < 0 ? 0 : 1000 * Long.parseLong(arguments[0].substring(comma + 1));
        int requests = Integer.parseInt(arguments[1]);
        int before = Integer.parseInt(arguments[2]);
        AddedDelay[] servers = new AddedDelay[arguments.length - 3];
        for (int i = 0; i < servers.length; i++) {
            String[] server = arguments[i + 3].split("=", 2);
            servers[i] = new AddedDelay(server[0], URI.create(server[1]));
        }
        for (int i = -before; i < requests; i++) {
            for (AddedDelay server : servers) {
                if (i >= 0 && pauseNanos > 0) {
                    LockSupport.parkNanos(pauseNanos);
                }
                server.request(i, stream, i >= 0);
            }
        }
        System.out.printf(
                Locale.ROOT, "%-12s %9s %9s %9s %11s %11s%n", "us", "p50", "p99", "p99.9", "added p50", "added p99");
        for (AddedDelay server : servers) {
            Arrays.sort(server.nanos, 0, server.count);
            System.out.printf(
                    Locale.ROOT,
                    "%-12s %9.1f %9.1f %9.1f %11.1f %11.1f%n",
                    server.name,
                    server.micros(0.5),
                    server.micros(0.99),
                    server.micros(0.999),
                    server.micros(0.5) - servers[0].micros(0.5),
                    server.micros(0.99) - servers[0].micros(0.99));
        }
    }

    private double micros(double quantile) {
        return nanos[(int) Math.min(count - 1L, (long) (count * quantile))] / 1e3;
    }

    private void request(int number, boolean stream, boolean counts) throws IOException {
        String text = "{\"model\":\"acme/bench\",\"messages\":[{\"role\":\"user\",\"content\":\"" + RUN + " " + number
                + " "
                + "why is the cache of the provider as it is, please explain ".repeat(14) + "\"}],\"temperature\":0.2"
                + (stream ? ",\"stream\":true}" : "}");
        byte[] body = text.getBytes(StandardCharsets.US_ASCII);
        byte[] start = (head + body.length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(start, start.length + body.length);
        System.arraycopy(body, 0, all, start.length, body.length);
        long begin = System.nanoTime();
        socket.getOutputStream().write(all);
        int length = -1;
        String line = line();
        if (!line.contains(" 200 ")) {
            throw new IOException(name + " answered " + line);
        }
        for (line = line(); !line.isEmpty(); line = line()) {
            if (line.regionMatches(true, 0, "content-length:", 0, 15)) {
                length = Integer.parseInt(line.substring(15).trim());
            }
        }
        if (length >= 0) {
            in.skipNBytes(length);
            if (counts) {
                add(System.nanoTime() - begin);
            }
            return;
        }
        String rest = "";
        for (int size = size(); size > 0; size = size()) {
            String more = rest + new String(in.readNBytes(size), StandardCharsets.US_ASCII);
            rest = events(more, System.nanoTime(), counts);
            in.skipNBytes(2);
        }
        in.skipNBytes(2);
    }

    /** Adds the delays of the events in a text. Returns the rest, which may be the beginning of an event. */
    private String events(String text, long now, boolean counts) {
        int seen = 0;
        for (int at = text.indexOf(PacedStream.MARK); at >= 0; at = text.indexOf(PacedStream.MARK, seen)) {
            int from = at + PacedStream.MARK.length();
            int to = text.indexOf(' ', from);
            if (to < 0) {
                return text.substring(at);
            }
            if (counts) {
                add(now - Long.parseLong(text.substring(from, to)));
            }
            seen = to;
        }
        return text.substring(Math.max(seen, text.length() - PacedStream.MARK.length()));
    }

    private int size() throws IOException {
        return Integer.parseInt(line(), 16);
    }

    private void add(long delay) {
        if (count == nanos.length) {
            nanos = Arrays.copyOf(nanos, count * 2);
        }
        nanos[count++] = delay;
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder(80);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException(name + " closed the connection");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }
}
