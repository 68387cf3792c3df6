package dev.refrain.testing;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * A provider that reads and writes HTTP/2 frames itself, to send what a well-behaved server would not.
 *
 * <p>Long, since a test needs both reading and writing of frames, which share their constants.
 */
public final class Http2Provider implements AutoCloseable {
    public static final SSLContext TLS = SelfSigned.context();

    public static final int DATA = 0;
    public static final int HEADERS = 1;
    public static final int RST_STREAM = 3;
    public static final int SETTINGS = 4;
    public static final int PUSH_PROMISE = 5;
    public static final int PING = 6;
    public static final int GOAWAY = 7;
    public static final int WINDOW_UPDATE = 8;
    public static final int CONTINUATION = 9;

    public static final int END_STREAM = 1;
    public static final int ACK = 1;
    public static final int END_HEADERS = 4;

    public static final int MAX_CONCURRENT_STREAMS = 3;
    public static final int INITIAL_WINDOW_SIZE = 4;

    /** Runs on each connection, which is closed afterwards. */
    @FunctionalInterface
    public interface Script {
        void serve(Connection connection) throws IOException, InterruptedException;
    }

    /** A frame; each character of its payload is a byte. */
    public record Frame(int type, int flags, int stream, String payload) {
        public boolean isLast() {
            return (flags & END_STREAM) != 0;
        }
    }

    /** A complete request; each character of its body is a byte. The body is null if there is none. */
    public record Request(int stream, Http2Headers head, String body) {
        public String header(String name) {
            CharSequence value = head.get(name);
            return value == null ? null : value.toString();
        }
    }

    private final SSLContext tls;
    private final boolean asksWhoCalls;
    private final ServerSocket server;
    private final String[] protocols;
    private final Script script;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    /** TLS handshakes that were completed. */
    public final AtomicInteger connections = new AtomicInteger();
    /** Request heads that were received. */
    public final AtomicInteger requests = new AtomicInteger();

    private volatile Throwable failure;

    /** Starts a provider that offers HTTP/2 beside HTTP/1.1. */
    public Http2Provider(Script script) throws IOException {
        this(script, "h2", "http/1.1");
    }

    /** @param protocols offered by ALPN */
    public Http2Provider(Script script, String... protocols) throws IOException {
        this(script, TLS, false, protocols);
    }

    /**
     * A provider that may require client certificates.
     *
     * @param asksWhoCalls whether it accepts only clients with a certificate that it trusts
     */
    public Http2Provider(Script script, SSLContext tls, boolean asksWhoCalls, String... protocols) throws IOException {
        this.tls = tls;
        this.asksWhoCalls = asksWhoCalls;
        this.script = script;
        this.protocols = protocols;
        server = new ServerSocket();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1000);
        daemon(this::accept);
    }

    public int port() {
        return server.getLocalPort();
    }

    public URI base() {
        return URI.create("https://127.0.0.1:" + port() + "/v1");
    }

    private static void daemon(Runnable task) {
        Thread thread = new Thread(task, "http2-provider");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        try {
            while (true) {
                Socket socket = server.accept();
                open.add(socket);
                daemon(() -> serve(socket));
            }
        } catch (IOException closed) {
            // The provider has been closed.
        }
    }

    private void serve(Socket plain) {
        try (Socket socket = plain;
                SSLSocket secured =
                        (SSLSocket) tls.getSocketFactory().createSocket(socket, InputStream.nullInputStream(), true)) {
            SSLParameters parameters = secured.getSSLParameters();
            parameters.setNeedClientAuth(asksWhoCalls);
            parameters.setApplicationProtocols(protocols);
            secured.setSSLParameters(parameters);
            socket.setTcpNoDelay(true);
            secured.startHandshake();
            connections.incrementAndGet();
            script.serve(new Connection(socket, secured, secured.getApplicationProtocol()));
        } catch (IOException gone) {
            // The client or the test has closed the connection.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | AssertionError e) {
            failure = e;
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket socket : open) {
            socket.close();
        }
        if (failure != null) {
            throw new AssertionError(failure);
        }
    }

    /** A connection. One thread may read; any thread may write. */
    public final class Connection implements Closeable {
        private final Socket plain;
        private final SSLSocket socket;
        /** The negotiated protocol; empty for none. */
        public final String protocol;

        private final DataInputStream in;
        private final DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder(true);
        /** Requests that have not arrived completely, by stream. */
        private final Map<Integer, Http2Headers> heads = new LinkedHashMap<>();

        private final Map<Integer, ByteArrayOutputStream> bodies = new LinkedHashMap<>();
        /** Called for each frame that is read, before it takes effect. */
        public volatile FrameListener listener = frame -> {};

        private Connection(Socket plain, SSLSocket socket, String protocol) throws IOException {
            this.plain = plain;
            this.socket = socket;
            this.protocol = protocol;
            this.in = new DataInputStream(socket.getInputStream());
        }

        /** Reads the client's preface, and sends the server's. */
        public Connection greet(int... settings) throws IOException {
            readPreface();
            return settings(settings);
        }

        public void readPreface() throws IOException {
            String preface = new String(in.readNBytes(24), StandardCharsets.US_ASCII);
            if (!preface.equals("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) {
                throw new IllegalStateException(preface);
            }
        }

        /** Reads a request of HTTP/1.1. */
        public void http1Request() throws IOException {
            StringBuilder head = new StringBuilder();
            while (head.indexOf("\r\n\r\n") < 0) {
                head.append((char) byteRead());
            }
            String lower = head.toString().toLowerCase(Locale.ROOT);
            int length = lower.indexOf("content-length: ");
            if (length >= 0) {
                in.readNBytes(Integer.parseInt(lower.substring(length + 16, lower.indexOf('\r', length))));
            }
        }

        public int byteRead() throws IOException {
            return in.readUnsignedByte();
        }

        /** Reads the next frame of any type. */
        public Frame next() throws IOException {
            int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
            int type = in.readUnsignedByte();
            int flags = in.readUnsignedByte();
            int stream = in.readInt();
            byte[] payload = in.readNBytes(length);
            if (payload.length < length) {
                throw new EOFException();
            }
            Frame frame = new Frame(type, flags, stream, new String(payload, StandardCharsets.ISO_8859_1));
            if (type == HEADERS) {
                requests.incrementAndGet();
            }
            listener.read(frame);
            return frame;
        }

        /**
         * The next frame of a type. All frames read are processed: settings and pings are acknowledged, windows opened.
         */
        public Frame next(int type) throws IOException {
            while (true) {
                Frame frame = next();
                deal(frame);
                if (frame.type == type) {
                    return frame;
                }
            }
        }

        private void deal(Frame frame) throws IOException {
            if (frame.type == SETTINGS && frame.flags == 0) {
                write(SETTINGS, ACK, 0);
            } else if (frame.type == PING && frame.flags == 0) {
                write(PING, ACK, 0, latin(frame.payload));
            } else if (frame.type == HEADERS) {
                head(frame);
            } else if (frame.type == DATA && !frame.payload.isEmpty()) {
                window(0, frame.payload.length());
            }
        }

        public Http2Headers head(Frame frame) throws IOException {
            try {
                ByteBuf block = Unpooled.wrappedBuffer(latin(frame.payload));
                Http2Headers head = decoder.decodeHeaders(frame.stream, block);
                heads.put(frame.stream, head);
                return head;
            } catch (Http2Exception e) {
                throw new IllegalStateException(e);
            }
        }

        /** Reads frames until a request is complete. Opens windows as far as its body needs. */
        public Request request() throws IOException {
            while (true) {
                Frame frame = next();
                deal(frame);
                if (frame.type == DATA) {
                    bodies.computeIfAbsent(frame.stream, none -> new ByteArrayOutputStream())
                            .writeBytes(latin(frame.payload));
                    if (!frame.payload.isEmpty() && !frame.isLast()) {
                        window(frame.stream, frame.payload.length());
                    }
                }
                if ((frame.type == DATA || frame.type == HEADERS) && frame.isLast()) {
                    ByteArrayOutputStream body = bodies.remove(frame.stream);
                    return new Request(
                            frame.stream,
                            heads.remove(frame.stream),
                            body == null ? null : body.toString(StandardCharsets.ISO_8859_1));
                }
            }
        }

        /** Reads until the client closes the connection. */
        public void drain() throws IOException {
            while (true) {
                deal(next());
            }
        }

        public Connection settings(int... pairs) throws IOException {
            ByteBuf payload = Unpooled.buffer();
            for (int i = 0; i < pairs.length; i += 2) {
                payload.writeShort(pairs[i]).writeInt(pairs[i + 1]);
            }
            return write(SETTINGS, 0, 0, bytes(payload));
        }

        public Connection window(int stream, int more) throws IOException {
            return write(WINDOW_UPDATE, 0, stream, bytes(Unpooled.buffer().writeInt(more)));
        }

        public Connection reset(int stream, long code) throws IOException {
            return write(RST_STREAM, 0, stream, bytes(Unpooled.buffer().writeInt((int) code)));
        }

        public Connection goAway(int last, int code) throws IOException {
            return write(GOAWAY, 0, 0, bytes(Unpooled.buffer().writeInt(last).writeInt(code)));
        }

        /** Writes a header; fields are names and values in turn. */
        public Connection headers(int stream, boolean isLast, String... fields) throws IOException {
            return write(HEADERS, END_HEADERS | (isLast ? END_STREAM : 0), stream, block(fields));
        }

        public Connection data(int stream, boolean isLast, byte[] bytes) throws IOException {
            return write(DATA, isLast ? END_STREAM : 0, stream, bytes);
        }

        public Connection data(int stream, boolean isLast, String text) throws IOException {
            return data(stream, isLast, text.getBytes(StandardCharsets.UTF_8));
        }

        /** Writes a whole, short answer. */
        public Connection answer(int stream, String body) throws IOException {
            return headers(
                            stream,
                            false,
                            ":status",
                            "200",
                            "content-type",
                            "application/json",
                            "content-length",
                            Integer.toString(body.length()))
                    .data(stream, true, body);
        }

        public synchronized Connection write(int type, int flags, int stream, byte... payload) throws IOException {
            ByteBuf frame = Unpooled.buffer(9 + payload.length)
                    .writeMedium(payload.length)
                    .writeByte(type)
                    .writeByte(flags)
                    .writeInt(stream)
                    .writeBytes(payload);
            raw(bytes(frame));
            return this;
        }

        public synchronized void raw(byte[] bytes) throws IOException {
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
        }

        /** Closes the TCP connection with a reset. */
        public void breakOff() throws IOException {
            plain.setSoLinger(true, 0);
            plain.close();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    /** Receives frames. */
    public interface FrameListener {
        void read(Frame frame);
    }

    /** Fields in HPACK, each as a literal without indexing (RFC 7541, 6.2.2). */
    public static byte[] block(String... fields) {
        ByteBuf block = Unpooled.buffer();
        for (int i = 0; i < fields.length; i += 2) {
            block.writeByte(0);
            literal(block, fields[i]);
            literal(block, fields[i + 1]);
        }
        return bytes(block);
    }

    private static void literal(ByteBuf block, String text) {
        int left = text.length();
        if (left < 127) {
            block.writeByte(left);
        } else {
            block.writeByte(127);
            for (left -= 127; left >= 128; left >>= 7) {
                block.writeByte(left % 128 + 128);
            }
            block.writeByte(left);
        }
        block.writeBytes(latin(text));
    }

    public static byte[] latin(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] bytes(ByteBuf buffer) {
        byte[] bytes = new byte[buffer.readableBytes()];
        buffer.readBytes(bytes);
        return bytes;
    }
}
