package dev.refrain.http.upstream;

import dev.refrain.testing.SelfSigned;
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
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** A provider that writes the frames of HTTP/2 itself, for what a well-behaved one would not send. */
final class Http2Provider implements AutoCloseable {
    static final SSLContext TLS = SelfSigned.context();

    static final int DATA = 0;
    static final int HEADERS = 1;
    static final int RST_STREAM = 3;
    static final int SETTINGS = 4;
    static final int PUSH_PROMISE = 5;
    static final int PING = 6;
    static final int GOAWAY = 7;
    static final int WINDOW_UPDATE = 8;
    static final int CONTINUATION = 9;

    static final int END_STREAM = 1;
    static final int ACK = 1;
    static final int END_HEADERS = 4;

    static final int MAX_CONCURRENT_STREAMS = 3;
    static final int INITIAL_WINDOW_SIZE = 4;

    /** What happens on a connection; it is closed afterwards. */
    @FunctionalInterface
    interface Script {
        void serve(Connection connection) throws IOException, InterruptedException;
    }

    /** A frame; each character of its payload is a byte. */
    record Frame(int type, int flags, int stream, String payload) {
        boolean isLast() {
            return (flags & END_STREAM) != 0;
        }
    }

    /** A request that has come in whole; each character of its body is a byte. The body is null if there is none. */
    record Request(int stream, Http2Headers head, String body) {
        String header(String name) {
            CharSequence value = head.get(name);
            return value == null ? null : value.toString();
        }
    }

    private final ServerSocket server;
    private final String[] protocols;
    private final Script script;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    final AtomicInteger connections = new AtomicInteger();
    /** Heads of requests that have come in. */
    final AtomicInteger requests = new AtomicInteger();

    volatile Throwable failure;

    Http2Provider(Script script) throws IOException {
        this(script, "h2", "http/1.1");
    }

    Http2Provider(Script script, String... protocols) throws IOException {
        this.script = script;
        this.protocols = protocols;
        server = new ServerSocket();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1000);
        daemon(this::accept);
    }

    Origin origin() {
        return new Origin(true, "127.0.0.1", server.getLocalPort());
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
            // At an end.
        }
    }

    private void serve(Socket plain) {
        try (Socket socket = plain;
                SSLSocket tls =
                        (SSLSocket) TLS.getSocketFactory().createSocket(socket, InputStream.nullInputStream(), true)) {
            SSLParameters parameters = tls.getSSLParameters();
            parameters.setApplicationProtocols(protocols);
            tls.setSSLParameters(parameters);
            socket.setTcpNoDelay(true);
            tls.startHandshake();
            connections.incrementAndGet();
            script.serve(new Connection(socket, tls, tls.getApplicationProtocol()));
        } catch (IOException gone) {
            // The client has hung up, or the test has.
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

    /** A connection; reading is one thread's, writing any thread's. */
    final class Connection implements Closeable {
        private final Socket plain;
        private final SSLSocket socket;
        final String protocol;
        private final DataInputStream in;
        private final DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder(true);
        /** Requests that are coming in, by stream. */
        private final Map<Integer, Http2Headers> heads = new LinkedHashMap<>();

        private final Map<Integer, ByteArrayOutputStream> bodies = new LinkedHashMap<>();
        /** Called for each frame that is read, ahead of its effects. */
        volatile FrameListener listener = frame -> {};

        private Connection(Socket plain, SSLSocket socket, String protocol) throws IOException {
            this.plain = plain;
            this.socket = socket;
            this.protocol = protocol;
            this.in = new DataInputStream(socket.getInputStream());
        }

        /** Reads what a client says first, and says the same of its own. */
        Connection greet(int... settings) throws IOException {
            readPreface();
            return settings(settings);
        }

        void readPreface() throws IOException {
            String preface = new String(in.readNBytes(24), StandardCharsets.US_ASCII);
            if (!preface.equals("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) {
                throw new IllegalStateException(preface);
            }
        }

        int byteRead() throws IOException {
            return in.readUnsignedByte();
        }

        /** The next frame, whatever it is. */
        Frame next() throws IOException {
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

        /** The next frame of a kind; others are dealt with as they should be. */
        Frame next(int type) throws IOException {
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

        Http2Headers head(Frame frame) throws IOException {
            try {
                ByteBuf block = Unpooled.wrappedBuffer(latin(frame.payload));
                Http2Headers head = decoder.decodeHeaders(frame.stream, block);
                heads.put(frame.stream, head);
                return head;
            } catch (Http2Exception e) {
                throw new IllegalStateException(e);
            }
        }

        /** Reads the next request that becomes whole; windows are opened as far as it needs. */
        Request request() throws IOException {
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

        /** Reads until the client hangs up. */
        void drain() throws IOException {
            while (true) {
                deal(next());
            }
        }

        Connection settings(int... pairs) throws IOException {
            ByteBuf payload = Unpooled.buffer();
            for (int i = 0; i < pairs.length; i += 2) {
                payload.writeShort(pairs[i]).writeInt(pairs[i + 1]);
            }
            return write(SETTINGS, 0, 0, bytes(payload));
        }

        Connection window(int stream, int more) throws IOException {
            return write(WINDOW_UPDATE, 0, stream, bytes(Unpooled.buffer().writeInt(more)));
        }

        Connection reset(int stream, long code) throws IOException {
            return write(RST_STREAM, 0, stream, bytes(Unpooled.buffer().writeInt((int) code)));
        }

        Connection goAway(int last, int code) throws IOException {
            return write(GOAWAY, 0, 0, bytes(Unpooled.buffer().writeInt(last).writeInt(code)));
        }

        /** Fields as name, value, name, value. */
        Connection headers(int stream, boolean isLast, String... fields) throws IOException {
            return write(HEADERS, END_HEADERS | (isLast ? END_STREAM : 0), stream, block(fields));
        }

        Connection data(int stream, boolean isLast, byte[] bytes) throws IOException {
            return write(DATA, isLast ? END_STREAM : 0, stream, bytes);
        }

        Connection data(int stream, boolean isLast, String text) throws IOException {
            return data(stream, isLast, text.getBytes(StandardCharsets.UTF_8));
        }

        /** A whole answer that is short. */
        Connection answer(int stream, String body) throws IOException {
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

        synchronized Connection write(int type, int flags, int stream, byte... payload) throws IOException {
            ByteBuf frame = Unpooled.buffer(9 + payload.length)
                    .writeMedium(payload.length)
                    .writeByte(type)
                    .writeByte(flags)
                    .writeInt(stream)
                    .writeBytes(payload);
            raw(bytes(frame));
            return this;
        }

        synchronized void raw(byte[] bytes) throws IOException {
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
        }

        /** Closes by a reset of the TCP connection. */
        void breakOff() throws IOException {
            plain.setSoLinger(true, 0);
            plain.close();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    /** Sees frames. */
    interface FrameListener {
        void read(Frame frame);
    }

    /** Fields in HPACK, each as a literal that nobody keeps (RFC 7541, 6.2.2). */
    static byte[] block(String... fields) {
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

    static byte[] latin(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] bytes(ByteBuf buffer) {
        byte[] bytes = new byte[buffer.readableBytes()];
        buffer.readBytes(bytes);
        return bytes;
    }
}
