package dev.refrain.http.proxy;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** A client that writes and reads raw HTTP/2 frames, for cases that a well-behaved client would not send. */
final class RawHttp2Client implements AutoCloseable {
    static final int DATA = 0;
    static final int HEADERS = 1;
    static final int RST_STREAM = 3;
    static final int SETTINGS = 4;
    static final int PING = 6;
    static final int GOAWAY = 7;
    static final int WINDOW_UPDATE = 8;
    static final int CONTINUATION = 9;

    static final int END_STREAM = 1;
    static final int END_HEADERS = 4;

    static final int PROTOCOL_ERROR = 1;
    static final int REFUSED_STREAM = 7;
    static final int ENHANCE_YOUR_CALM = 11;

    static final int INITIAL_WINDOW_SIZE = 4;

    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final int PATIENCE_MILLIS = 20_000;

    private final Socket socket;
    private final DataInputStream in;
    private final OutputStream out;
    /** Frames of other streams, kept until somebody asks for them. */
    private final List<Frame> others = new ArrayList<>();

    private boolean isReset;

    /** A frame that was received. */
    static final class Frame {
        private final int type;
        private final int flags;
        private final int stream;
        private final byte[] payload;

        Frame(int type, int flags, int stream, byte[] payload) {
            this.type = type;
            this.flags = flags;
            this.stream = stream;
            this.payload = payload;
        }

        int type() {
            return type;
        }

        int stream() {
            return stream;
        }

        byte[] payload() {
            return payload;
        }

        boolean isLast() {
            return (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
        }

        /** The frame's single number; for {@link #GOAWAY}, its error code. */
        int number() {
            return ByteBuffer.wrap(payload).getInt(type == GOAWAY ? 4 : 0);
        }
    }

    RawHttp2Client(int port) throws IOException {
        this(port, 64 * 1024);
    }

    /** @param receive size of the socket's receive buffer in bytes */
    RawHttp2Client(int port, int receive) throws IOException {
        Socket plain = new Socket();
        plain.setReceiveBufferSize(receive);
        plain.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        socket = Wire.TLS ? secure(plain) : plain;
        socket.setSoTimeout(PATIENCE_MILLIS);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
    }

    private static Socket secure(Socket plain) throws IOException {
        try {
            SSLSocket secure = (SSLSocket)
                    Wire.context().getSocketFactory().createSocket(plain, "localhost", plain.getPort(), true);
            SSLParameters parameters = secure.getSSLParameters();
            parameters.setApplicationProtocols(new String[] {"h2"});
            secure.setSSLParameters(parameters);
            secure.startHandshake();
            return secure;
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    /** Begins the connection (RFC 9113, 3.4); settings are given in pairs. */
    RawHttp2Client begin(int... settings) throws IOException {
        write(PREFACE);
        return settings(settings);
    }

    /** Begins the connection and a request in one piece. */
    RawHttp2Client beginWith(int stream, String body) throws IOException {
        return write(join(PREFACE, of(SETTINGS, 0, 0, new byte[0]), whole(stream, body)));
    }

    RawHttp2Client settings(int... settings) throws IOException {
        ByteArrayOutputStream payload = new ByteArrayOutputStream();
        for (int i = 0; i < settings.length; i += 2) {
            payload.write(0);
            payload.write(settings[i]);
            payload.writeBytes(bytes(settings[i + 1]));
        }
        return frame(SETTINGS, 0, 0, payload.toByteArray());
    }

    static byte[] bytes(int number) {
        return new byte[] {(byte) (number >> 24), (byte) (number >> 16), (byte) (number >> 8), (byte) number};
    }

    /** The bytes of a frame. */
    static byte[] of(int type, int flags, int stream, byte[] payload) {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.write(payload.length >> 16);
        frame.write(payload.length >> 8);
        frame.write(payload.length);
        frame.write(type);
        frame.write(flags);
        frame.writeBytes(bytes(stream));
        frame.writeBytes(payload);
        return frame.toByteArray();
    }

    RawHttp2Client frame(int type, int flags, int stream, byte... payload) throws IOException {
        return write(of(type, flags, stream, payload));
    }

    RawHttp2Client write(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
        return this;
    }

    /** A header block without any compression: names and values in turn. */
    static byte[] block(String... fields) {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        for (int i = 0; i < fields.length; i += 2) {
            block.write(0);
            text(block, fields[i]);
            text(block, fields[i + 1]);
        }
        return block.toByteArray();
    }

    private static void text(ByteArrayOutputStream block, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        int rest = bytes.length - 127;
        block.write(Math.min(bytes.length, 127));
        if (rest >= 0) {
            for (; rest >= 128; rest >>= 7) {
                block.write((rest & 0x7F) | 0x80);
            }
            block.write(rest);
        }
        block.writeBytes(bytes);
    }

    /** The head of a request with caching on. */
    static byte[] post(String path, String... more) {
        return join(
                begin(path),
                block("authorization", "Bearer sk-test"),
                block("x-openrouter-cache", "true"),
                block(more));
    }

    /** A request's head with other credentials. */
    static byte[] head(String path, int length, String... credentials) {
        return join(
                begin(path),
                block("x-openrouter-cache", "true", "content-length", Integer.toString(length)),
                block(credentials));
    }

    private static byte[] begin(String path) {
        return block(
                ":method",
                "POST",
                ":scheme",
                "http",
                ":path",
                path,
                ":authority",
                "localhost",
                "content-type",
                "application/json");
    }

    private static byte[] join(byte[]... blocks) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] block : blocks) {
            all.writeBytes(block);
        }
        return all.toByteArray();
    }

    /** Sends a whole request. */
    RawHttp2Client request(int stream, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        frame(HEADERS, END_HEADERS, stream, post(WireTest.CHAT, "content-length", Integer.toString(bytes.length)));
        return frame(DATA, END_STREAM, stream, bytes);
    }

    /** The same in one piece, so that a server with short time limits has nothing to wait for. */
    RawHttp2Client requestAtOnce(int stream, String body) throws IOException {
        return write(whole(stream, body));
    }

    private static byte[] whole(int stream, String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        byte[] head = post(WireTest.CHAT, "content-length", Integer.toString(bytes.length));
        return join(of(HEADERS, END_HEADERS, stream, head), of(DATA, END_STREAM, stream, bytes));
    }

    /** The next frame; null if the connection has ended. */
    Frame read() throws IOException {
        try {
            int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
            int type = in.readUnsignedByte();
            int flags = in.readUnsignedByte();
            int stream = in.readInt() & 0x7FFFFFFF;
            return new Frame(type, flags, stream, in.readNBytes(length));
        } catch (EOFException end) {
            return null;
        } catch (SocketException end) {
            isReset = true;
            return null;
        }
    }

    /** Whether the connection has ended with a reset. */
    boolean isReset() {
        return isReset;
    }

    /** The next frame of a type; null if the connection ends before. */
    Frame read(int type) throws IOException {
        Frame frame;
        do {
            frame = read();
        } while (frame != null && frame.type() != type);
        return frame;
    }

    /**
     * The body of a stream's answer; null if it is reset, or the connection ends. Answers may arrive in any order, so
     * frames of other streams are kept until somebody asks for them.
     */
    String body(int stream) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        while (true) {
            Frame frame = next(stream);
            if (frame == null || frame.type() == RST_STREAM) {
                return null;
            }
            if (frame.type() == DATA) {
                body.writeBytes(frame.payload());
            }
            if (frame.isLast()) {
                return body.toString(StandardCharsets.UTF_8);
            }
        }
    }

    private Frame next(int stream) throws IOException {
        for (Iterator<Frame> kept = others.iterator(); kept.hasNext(); ) {
            Frame frame = kept.next();
            if (frame.stream() == stream) {
                kept.remove();
                return frame;
            }
        }
        Frame frame = read();
        while (frame != null && frame.stream() != stream) {
            if (frame.stream() != 0) {
                others.add(frame);
            }
            frame = read();
        }
        return frame;
    }

    /** Closes the connection, perhaps while another thread writes. */
    void leave() throws IOException {
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
