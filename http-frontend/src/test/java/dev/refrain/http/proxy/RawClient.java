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

/** A client that writes and reads raw bytes, for cases that a well-behaved client would not send or not show. */
final class RawClient implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 20_000;
    private static final Pattern CONTENT_LENGTH = Pattern.compile("(?i)\r\ncontent-length: *([0-9]+)\r\n");

    private final Socket connected;
    private final Socket socket;

    /** A client of a proxy. */
    RawClient(int port) throws IOException {
        this(new Socket(InetAddress.getLoopbackAddress(), port), true);
    }

    /** @param isOfProxy whether the connection uses TLS as {@link Wire} says, like all connections to proxies */
    private RawClient(Socket connected, boolean isOfProxy) throws IOException {
        this.connected = connected;
        this.socket = isOfProxy ? Wire.over(connected) : connected;
        socket.setSoTimeout(PATIENCE_MILLIS);
        // Otherwise a request in pieces would wait for the server's delayed acknowledgement.
        socket.setTcpNoDelay(true);
    }

    /** A client with a small receive buffer. Bytes that it does not read fill this buffer, then wait at the server. */
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

    /**
     * A client with Nagle's algorithm, the default of Java's sockets: a small last part waits for an acknowledgment.
     */
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

    /** Closes its sending side and only reads from here on. */
    void finishSending() throws IOException {
        socket.shutdownOutput();
    }

    /** Leaves: with an orderly close, or with a reset, like a killed process. */
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

    /** Reads up to and including the text, or to the end if the text never comes. */
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

    /** Reads that many bytes, or fewer if the server closes before. */
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
     * Like {@link #readUntil}, for long texts. Looks for the text only where each piece ends, so a text that is
     * followed by more bytes is missed.
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

    /** Whether bytes, or the end, arrive within that time. The byte that arrives is lost. */
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

    /** Reads until the server closes, orderly or with a reset. */
    String readToTheEnd() throws IOException {
        return readToTheEnd(Integer.MAX_VALUE);
    }

    /** The same, but stops soon after that many bytes. */
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
