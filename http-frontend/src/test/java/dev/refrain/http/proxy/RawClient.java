package dev.refrain.http.proxy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A client that writes and reads the bytes itself, for what a well-behaved one would not send or not show. */
final class RawClient implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 20_000;
    private static final Pattern CONTENT_LENGTH = Pattern.compile("(?i)\r\ncontent-length: *([0-9]+)\r\n");

    private final Socket connected;
    private final Socket socket;

    /** A client of a proxy. */
    RawClient(int port) throws IOException {
        this(new Socket(InetAddress.getLoopbackAddress(), port), true);
    }

    /** @param isOfProxy whether it speaks as clients of proxies do ({@link Wire}) */
    private RawClient(Socket connected, boolean isOfProxy) throws IOException {
        this.connected = connected;
        this.socket = isOfProxy ? Wire.over(connected) : connected;
        socket.setSoTimeout(PATIENCE_MILLIS);
        // A request in pieces would wait for the server's delayed acknowledgement.
        socket.setTcpNoDelay(true);
    }

    /** One whose kernel takes little for it: what it does not read soon waits at the other end. */
    static RawClient slow(int port) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        return new RawClient(socket, true);
    }

    /** A client of an admin listener, which has no TLS. */
    static RawClient ofAdmin(int port) throws IOException {
        return new RawClient(new Socket(InetAddress.getLoopbackAddress(), port), false);
    }

    /** One with Nagle's algorithm, as Java's sockets have it: a small last part waits for an acknowledgment. */
    static RawClient withNagle(int port) throws IOException {
        RawClient client = new RawClient(port);
        client.socket.setTcpNoDelay(false);
        return client;
    }

    void send(String bytes) throws IOException {
        send(bytes.getBytes(StandardCharsets.ISO_8859_1));
    }

    void send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
    }

    /** Closes the one side: from here on it only reads. */
    void finishSending() throws IOException {
        socket.shutdownOutput();
    }

    /** Goes away: in good order, or as a process that is killed. */
    void leave(boolean reset) throws IOException {
        if (reset) {
            connected.setSoLinger(true, 0);
        }
        connected.close();
    }

    /** The head of the next response, without the blank line that ends it. */
    String readHead() throws IOException {
        return readUntil("\r\n\r\n");
    }

    /** Everything up to and including the text, or up to the end if it never comes. */
    String readUntil(String text) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        InputStream in = socket.getInputStream();
        for (int b = in.read(); b >= 0; b = in.read()) {
            read.write(b);
            if (read.toString(StandardCharsets.ISO_8859_1).endsWith(text)) {
                break;
            }
        }
        return read.toString(StandardCharsets.ISO_8859_1);
    }

    /** So many bytes, or fewer if there are no more. */
    String read(int count) throws IOException {
        return new String(socket.getInputStream().readNBytes(count), StandardCharsets.ISO_8859_1);
    }

    /** A response with a Content-Length: its head, a blank line, and its body. */
    String readResponse() throws IOException {
        String head = readHead();
        Matcher length = CONTENT_LENGTH.matcher(head);
        return length.find() ? head + read(Integer.parseInt(length.group(1))) : head;
    }

    /**
     * The same for long texts. It looks at the end of whole pieces only, so more text behind the end would be missed.
     */
    String readUntilEnd(String end) throws IOException {
        StringBuilder all = new StringBuilder();
        byte[] piece = new byte[64 * 1024];
        while (!all.substring(Math.max(0, all.length() - end.length())).equals(end)) {
            int n = socket.getInputStream().read(piece);
            if (n < 0) {
                break;
            }
            all.append(new String(piece, 0, n, StandardCharsets.ISO_8859_1));
        }
        return all.toString();
    }

    /** Whether bytes or the end come soon; a byte that does is lost. */
    boolean hearsWithin(int millis) throws IOException {
        socket.setSoTimeout(millis);
        try {
            socket.getInputStream().read();
            return true;
        } catch (SocketTimeoutException nothing) {
            return false;
        } finally {
            socket.setSoTimeout(PATIENCE_MILLIS);
        }
    }

    /** Everything until the server closes, by whatever means. */
    String readToTheEnd() throws IOException {
        return readToTheEnd(Integer.MAX_VALUE);
    }

    /** The same, but not much more than is wanted. */
    String readToTheEnd(int wanted) throws IOException {
        StringBuilder all = new StringBuilder();
        byte[] piece = new byte[64 * 1024];
        try {
            while (all.length() < wanted) {
                int n = socket.getInputStream().read(piece);
                if (n < 0) {
                    break;
                }
                all.append(new String(piece, 0, n, StandardCharsets.ISO_8859_1));
            }
        } catch (SocketException reset) {
            all.append("(reset)");
        }
        return all.toString();
    }

    /** Everything until the server closes. */
    String readAll() throws IOException {
        return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
