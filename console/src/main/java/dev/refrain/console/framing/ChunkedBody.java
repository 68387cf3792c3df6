package dev.refrain.console.framing;

import dev.refrain.semantics.framing.ChunkGrammar;
import dev.refrain.semantics.framing.MalformedBody;
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
 * A request body in chunks, decoded as strictly as RFC 9112, 7.1 defines it ({@link ChunkGrammar}).
 *
 * <p>Undertow's own decoder takes a chunk with an invalid size for the last one, accepts any bytes between a chunk and
 * the next line feed, and reads trailer fields of any length into memory. If a proxy in front parses the same bytes
 * differently, a client could insert a request of its own before another client's (request smuggling).
 */
final class ChunkedBody extends AbstractStreamSourceConduit<StreamSourceConduit> {
    private final HttpServerExchange exchange;
    private final HttpServerConnection connection;

    private final ChunkGrammar grammar = new ChunkGrammar();
    /** The fault of the body, or null. After a fault, the beginning of the next request is unknown. */
    private MalformedBody flaw;

    /** @param raw the connection's bytes, beginning with those that were put back */
    ChunkedBody(StreamSourceConduit raw, HttpServerExchange exchange) {
        super(raw);
        this.exchange = exchange;
        this.connection = (HttpServerConnection) exchange.getConnection();
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        if (flaw != null) {
            throw flaw;
        }
        int before = into.position();
        while (!grammar.isAtEnd() && into.hasRemaining()) {
            int count = grammar.isInData() ? readData(into) : readFraming(into);
            if (count < 0) {
                throw malformed(new MalformedBody("it ended before its last chunk"));
            }
            if (count == 0) {
                break;
            }
        }
        int count = into.position() - before;
        return count == 0 && grammar.isAtEnd() ? -1 : count;
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
        if (!grammar.isAtEnd()) {
            exchange.setPersistent(false);
            Connectors.terminateRequest(exchange);
        }
    }

    /** Reads data directly into the target buffer. */
    private int readData(ByteBuffer into) throws IOException {
        int limit = into.limit();
        into.limit((int) Math.min(limit, into.position() + grammar.left()));
        try {
            int count = super.read(into);
            if (count > 0) {
                grammar.took(count);
            }
            return count;
        } finally {
            into.limit(limit);
        }
    }

    /**
     * Reads framing. Data behind the framing goes to the caller's buffer as far as there is room; the rest is put back.
     */
    private int readFraming(ByteBuffer into) throws IOException {
        PooledByteBuffer pooled = connection.getByteBufferPool().allocate();
        ByteBuffer bytes = pooled.getBuffer();
        boolean putBack = false;
        boolean ended = false;
        try {
            int count = super.read(bytes);
            bytes.flip();
            while (!grammar.isAtEnd() && bytes.hasRemaining() && (!grammar.isInData() || into.hasRemaining())) {
                if (grammar.isInData()) {
                    int part = (int) Math.min(grammar.left(), Math.min(bytes.remaining(), into.remaining()));
                    into.put(bytes.slice().limit(part));
                    bytes.position(bytes.position() + part);
                    grammar.took(part);
                } else {
                    grammar.accept(bytes.get());
                }
            }
            putBack = bytes.hasRemaining();
            if (grammar.isAtEnd()) {
                ended = true;
            }
            return count;
        } catch (MalformedBody found) {
            throw malformed(found);
        } finally {
            if (putBack) {
                connection.ungetRequestBytes(pooled);
            } else {
                pooled.close();
            }
            if (ended) {
                // Ends the request only after the bytes behind it have been put back: they begin the next request.
                Connectors.terminateRequest(exchange);
            }
        }
    }

    /** Notes the fault. All further bytes of the connection are ignored, and it is closed. */
    private MalformedBody malformed(MalformedBody found) {
        flaw = found;
        exchange.setPersistent(false);
        return found;
    }
}
