package dev.refrain.http.proxy;

import io.undertow.connector.PooledByteBuffer;
import io.undertow.server.Connectors;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.xnio.IoUtils;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.conduits.AbstractStreamSourceConduit;
import org.xnio.conduits.ConduitReadableByteChannel;
import org.xnio.conduits.StreamSourceConduit;

/**
 * A request body in chunks, decoded as strictly as RFC 9112, 7.1 defines it.
 *
 * <p>Undertow's own decoder takes what is no size for the last chunk, whatever stands between a chunk and the next line feed for its
 * end, and trailer fields of any length into memory. Where another proxy in front reads the same bytes otherwise, such leniency
 * lets one client put words into the mouth of the next (request smuggling).
 */
final class ChunkedBody extends AbstractStreamSourceConduit<StreamSourceConduit> {
    /** 2^60 bytes are more than any limit. */
    private static final int MAX_SIZE_DIGITS = 15;

    private static final int MAX_EXTENSION_BYTES = 1024;
    private static final int MAX_TRAILER_BYTES = 64 * 1024;

    /** What comes next. */
    private enum Due {
        SIZE,
        EXTENSION,
        SIZE_LF,
        DATA,
        DATA_CR,
        DATA_LF,
        TRAILER,
        TRAILER_LINE,
        TRAILER_LF,
        LAST_LF,
        END
    }

    private final HttpServerExchange exchange;
    private final HttpServerConnection connection;

    private Due due = Due.SIZE;
    private long size;
    /** Digits of the size, bytes of the extension, or bytes of all trailers so far. */
    private int length;

    /** @param raw the connection's bytes, pushed back ones first */
    ChunkedBody(StreamSourceConduit raw, HttpServerExchange exchange) {
        super(raw);
        this.exchange = exchange;
        this.connection = (HttpServerConnection) exchange.getConnection();
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        int before = into.position();
        while (due != Due.END && into.hasRemaining()) {
            int count = due == Due.DATA ? readData(into) : readFraming(into);
            if (count < 0) {
                throw new MalformedBody("it ended before its last chunk");
            }
            if (count == 0) {
                break;
            }
        }
        int count = into.position() - before;
        return count == 0 && due == Due.END ? -1 : count;
    }

    @Override
    public long read(ByteBuffer[] into, int offset, int count) throws IOException {
        for (int i = offset; i < offset + count; i++) {
            if (into[i].hasRemaining()) {
                return read(into[i]);
            }
        }
        return 0;
    }

    @Override
    public long transferTo(long position, long count, FileChannel target) throws IOException {
        return target.transferFrom(new ConduitReadableByteChannel(this), position, count);
    }

    @Override
    public long transferTo(long count, ByteBuffer through, StreamSinkChannel target) throws IOException {
        return IoUtils.transfer(new ConduitReadableByteChannel(this), count, through, target);
    }

    @Override
    public void terminateReads() throws IOException {
        super.terminateReads();
        if (due != Due.END) {
            exchange.setPersistent(false);
            end();
        }
    }

    private void end() {
        due = Due.END;
        Connectors.terminateRequest(exchange);
    }

    /** Data goes where it is wanted without a detour. */
    private int readData(ByteBuffer into) throws IOException {
        int limit = into.limit();
        into.limit((int) Math.min(limit, into.position() + size));
        try {
            int count = super.read(into);
            took(Math.max(0, count));
            return count;
        } finally {
            into.limit(limit);
        }
    }

    /** What is read beyond the framing is data if there is room for it, or else put back. */
    private int readFraming(ByteBuffer into) throws IOException {
        PooledByteBuffer pooled = connection.getByteBufferPool().allocate();
        ByteBuffer bytes = pooled.getBuffer();
        boolean putBack = false;
        try {
            int count = super.read(bytes);
            bytes.flip();
            while (due != Due.END && bytes.hasRemaining() && (due != Due.DATA || into.hasRemaining())) {
                if (due == Due.DATA) {
                    int part = (int) Math.min(size, Math.min(bytes.remaining(), into.remaining()));
                    into.put(bytes.slice().limit(part));
                    bytes.position(bytes.position() + part);
                    took(part);
                } else {
                    accept(bytes.get());
                }
            }
            putBack = bytes.hasRemaining();
            return count;
        } finally {
            if (putBack) {
                connection.ungetRequestBytes(pooled);
            } else {
                pooled.close();
            }
        }
    }

    private void took(int count) {
        size -= count;
        if (size == 0) {
            due = Due.DATA_CR;
        }
    }

    private void accept(byte b) throws MalformedBody {
        switch (due) {
            case SIZE -> size(b);
            case EXTENSION -> extension(b);
            case SIZE_LF -> {
                expect(b, '\n');
                length = 0;
                due = size == 0 ? Due.TRAILER : Due.DATA;
            }
            case DATA_CR -> {
                expect(b, '\r');
                due = Due.DATA_LF;
            }
            case DATA_LF -> {
                expect(b, '\n');
                due = Due.SIZE;
            }
            case TRAILER -> due = b == '\r' ? Due.LAST_LF : trailer(b);
            case TRAILER_LINE -> due = b == '\r' ? Due.TRAILER_LF : trailer(b);
            case TRAILER_LF -> {
                expect(b, '\n');
                due = Due.TRAILER;
            }
            case LAST_LF -> {
                expect(b, '\n');
                end();
            }
            case DATA, END -> throw new IllegalStateException("no framing comes here");
        }
    }

    private void size(byte b) throws MalformedBody {
        int digit = Character.digit(b, 16);
        if (digit >= 0) {
            if (++length > MAX_SIZE_DIGITS) {
                throw new MalformedBody("a chunk is too large");
            }
            size = size << 4 | digit;
        } else if (length > 0 && (b == '\r' || b == ';' || isBlank(b))) {
            length = 0;
            due = b == '\r' ? Due.SIZE_LF : Due.EXTENSION;
        } else {
            throw new MalformedBody("a chunk has no size");
        }
    }

    private void extension(byte b) throws MalformedBody {
        if (b == '\r') {
            due = Due.SIZE_LF;
        } else if (!isText(b) || ++length > MAX_EXTENSION_BYTES) {
            throw new MalformedBody("a chunk extension is malformed or too long");
        }
    }

    private Due trailer(byte b) throws MalformedBody {
        if (!isText(b) || ++length > MAX_TRAILER_BYTES) {
            throw new MalformedBody("its trailer is malformed or too long");
        }
        return Due.TRAILER_LINE;
    }

    private static void expect(byte b, char expected) throws MalformedBody {
        if (b != expected) {
            throw new MalformedBody("a line or a chunk does not end where it should");
        }
    }

    private static boolean isBlank(byte b) {
        return b == ' ' || b == '\t';
    }

    /** Visible characters, blanks, and the bytes beyond ASCII, which are negative here. */
    private static boolean isText(byte b) {
        return b < 0 || (b > ' ' && b != 0x7F) || isBlank(b);
    }
}
