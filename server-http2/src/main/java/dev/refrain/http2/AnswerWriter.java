package dev.refrain.http2;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.ReadOnlyHttp2Headers;
import io.netty.util.AsciiString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Converts the server's answers from HTTP/1.1 into frames. The server is trusted to write well-formed answers, but even
 * a malformed one never passes for a complete answer.
 */
final class AnswerWriter {
    private static final int MOST_HEAD = 1 << 20;
    private static final int FIRST_HEAD = 1024;
    private static final int STATUS_AT = "HTTP/1.1 ".length();
    private static final int OK = 200;
    private static final int NO_CONTENT = 204;
    private static final int NOT_MODIFIED = 304;

    private static final Set<AsciiString> ABOUT_CONNECTIONS = Set.of(
            AsciiString.cached("connection"),
            AsciiString.cached("keep-alive"),
            AsciiString.cached("proxy-connection"),
            AsciiString.cached("transfer-encoding"),
            AsciiString.cached("upgrade"));
    private static final AsciiString CONNECTION = AsciiString.cached("connection");
    private static final AsciiString CODING = AsciiString.cached("transfer-encoding");
    private static final AsciiString LENGTH = AsciiString.cached("content-length");
    private static final AsciiString CHUNKED = AsciiString.cached("chunked");
    private static final AsciiString CLOSE = AsciiString.cached("close");

    private enum At {
        HEAD,
        BODY,
        CHUNK_SIZE,
        CHUNK,
        CHUNK_END,
        TRAILERS,
        END
    }

    private final ClientConnection http2;

    private int id;
    private boolean answersHead;
    private At at = At.END;
    /** Bytes of an incomplete head, trailer section, or line with a chunk's size. */
    private byte[] held = new byte[FIRST_HEAD];

    private int heldBytes;
    /** Bytes of the body or chunk that are still to come. */
    private long left;
    /** Whether the server closes the connection after this answer. */
    private boolean isLast;

    AnswerWriter(ClientConnection http2) {
        this.http2 = http2;
    }

    void begin(int stream, boolean isHead) {
        id = stream;
        answersHead = isHead;
        at = At.HEAD;
        heldBytes = 0;
        isLast = false;
    }

    /** Whether the answer is complete. */
    boolean isOver() {
        return at == At.END;
    }

    /** Whether the server closes the connection after this answer. */
    boolean isLast() {
        return isLast;
    }

    /** Converts as many bytes as may be sent now; returns how many. */
    int write(ByteBuffer bytes) throws IOException {
        int before = bytes.remaining();
        while (bytes.hasRemaining()) {
            if (at == At.END) {
                throw new IOException("There are bytes after the end of an answer");
            }
            int room = http2.room(id);
            if (room < 0) {
                throw new ClosedChannelException();
            }
            if (at == At.BODY || at == At.CHUNK) {
                if (room == 0) {
                    break;
                }
                body(bytes, room);
            } else if (!http2.isOut()) {
                break;
            } else if (at == At.HEAD || at == At.TRAILERS) {
                fields(bytes);
            } else {
                framing(bytes);
            }
        }
        return before - bytes.remaining();
    }

    private void body(ByteBuffer bytes, int room) {
        int count = (int) Math.min(left, Math.min(room, bytes.remaining()));
        left -= count;
        boolean isEnd = left == 0 && at == At.BODY;
        if (isEnd) {
            at = At.END;
        } else if (left == 0) {
            at = At.CHUNK_END;
        }
        http2.writeBody(id, bytes.slice(bytes.position(), count), isEnd);
        bytes.position(bytes.position() + count);
    }

    private void framing(ByteBuffer bytes) throws IOException {
        byte next = bytes.get();
        if (at == At.CHUNK_END) {
            if (next == '\n') {
                at = At.CHUNK_SIZE;
                left = 0;
            }
        } else if (next == '\n') {
            at = left == 0 ? At.TRAILERS : At.CHUNK;
            heldBytes = 0;
        } else if (next != '\r') {
            int digit = Character.digit(next, 16);
            if (digit < 0) {
                throw new IOException("The size of a chunk of the answer is not a hexadecimal number");
            }
            left = left << 4 | digit;
        }
    }

    /** Collects the lines of a head or of trailers, up to the empty line. */
    private void fields(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            int line = bytes.position();
            int end = bytes.limit();
            while (line < end && bytes.get(line) != '\n') {
                line++;
            }
            int count = Math.min(line + 1, end) - bytes.position();
            if (heldBytes + count > MOST_HEAD) {
                throw new IOException("The head of the answer has more than " + MOST_HEAD + " bytes");
            }
            if (heldBytes + count > held.length) {
                held = Arrays.copyOf(held, Math.max(2 * held.length, heldBytes + count));
            }
            bytes.get(held, heldBytes, count);
            heldBytes += count;
            if (endsWithEmptyLine()) {
                if (at == At.HEAD) {
                    head();
                } else {
                    trailers();
                }
                return;
            }
        }
    }

    private boolean endsWithEmptyLine() {
        return heldBytes >= 2
                && held[heldBytes - 1] == '\n'
                && held[heldBytes - 2] == '\r'
                && (heldBytes == 2 || held[heldBytes - 3] == '\n');
    }

    private void head() throws IOException {
        byte[] text = Arrays.copyOf(held, heldBytes);
        heldBytes = 0;
        int line = endOfLine(text, 0);
        if (line < STATUS_AT + 3) {
            throw new IOException("An answer has no status");
        }
        AsciiString status = new AsciiString(text, STATUS_AT, 3, false);
        int code = status.parseInt();
        boolean isInterim = code < OK;
        boolean isChunked = false;
        left = -1;
        List<AsciiString> fields = new ArrayList<>();
        for (int from = line + 2; from < text.length - 2; from = line + 2) {
            line = endOfLine(text, from);
            AsciiString name = name(text, from, line);
            AsciiString value = value(text, from + name.length() + 1, line);
            if (name.equals(LENGTH)) {
                left = value.parseLong();
            } else if (name.equals(CODING)) {
                isChunked = value.contentEqualsIgnoreCase(CHUNKED);
            } else if (name.equals(CONNECTION)) {
                isLast |= value.contentEqualsIgnoreCase(CLOSE);
            }
            if (!ABOUT_CONNECTIONS.contains(name)) {
                fields.add(name);
                fields.add(value);
            }
        }
        boolean hasNoBody = answersHead || code == NO_CONTENT || code == NOT_MODIFIED || (left == 0 && !isChunked);
        Http2Headers head = ReadOnlyHttp2Headers.serverHeaders(false, status, fields.toArray(AsciiString[]::new));
        if (isInterim) {
            http2.writeHead(id, head, false);
            return;
        }
        if (hasNoBody) {
            at = At.END;
        } else if (isChunked) {
            at = At.CHUNK_SIZE;
            left = 0;
        } else if (left > 0) {
            at = At.BODY;
        } else {
            throw new IOException("An answer does not say where it ends");
        }
        http2.writeHead(id, head, hasNoBody);
    }

    private void trailers() {
        at = At.END;
        if (heldBytes == 2) {
            http2.writeBody(id, ByteBuffer.allocate(0), true);
            return;
        }
        byte[] text = Arrays.copyOf(held, heldBytes);
        List<AsciiString> fields = new ArrayList<>();
        int line;
        for (int from = 0; from < text.length - 2; from = line + 2) {
            line = endOfLine(text, from);
            AsciiString name = name(text, from, line);
            if (!ABOUT_CONNECTIONS.contains(name)) {
                fields.add(name);
                fields.add(value(text, from + name.length() + 1, line));
            }
        }
        http2.writeHead(id, ReadOnlyHttp2Headers.trailers(false, fields.toArray(AsciiString[]::new)), true);
    }

    /** The position of the CR that ends a line. */
    private static int endOfLine(byte[] text, int from) {
        int at = from;
        while (text[at] != '\r' || text[at + 1] != '\n') {
            at++;
        }
        return at;
    }

    /** A field's name in lower case (RFC 9113, 8.2.1). */
    private static AsciiString name(byte[] text, int from, int line) {
        int to = from;
        while (to < line && text[to] != ':') {
            if (text[to] >= 'A' && text[to] <= 'Z') {
                text[to] = (byte) (text[to] + ('a' - 'A'));
            }
            to++;
        }
        return new AsciiString(text, from, to - from, false);
    }

    private static AsciiString value(byte[] text, int from, int line) {
        int first = Math.min(from, line);
        int last = line;
        while (first < last && (text[first] == ' ' || text[first] == '\t')) {
            first++;
        }
        while (last > first && (text[last - 1] == ' ' || text[last - 1] == '\t')) {
            last--;
        }
        return new AsciiString(text, first, last - first, false);
    }
}
