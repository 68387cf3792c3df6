package dev.refrain.jmh.load;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;

/** The server side of TLS over a non-blocking socket; for use by one thread. */
final class TlsChannel implements ByteChannel {
    private final SocketChannel socket;
    private final SSLEngine engine;
    private final ByteBuffer in;
    private final ByteBuffer out;
    /** Bytes of the source in the record that is being written. */
    private int underWay;

    TlsChannel(SocketChannel socket, SSLEngine engine) {
        this.socket = socket;
        this.engine = engine;
        engine.setUseClientMode(false);
        in = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        out = ByteBuffer.allocate(engine.getSession().getPacketBufferSize()).limit(0);
    }

    /** As for any channel, but returns 0 during the handshake. */
    @Override
    public int read(ByteBuffer target) throws IOException {
        int before = target.position();
        while (true) {
            int count = socket.read(in);
            in.flip();
            SSLEngineResult.Status status = decrypt(target);
            in.compact();
            if (status == SSLEngineResult.Status.CLOSED || count < 0) {
                return -1;
            }
            if (count == 0 && status != SSLEngineResult.Status.OK) {
                return target.position() - before;
            }
        }
    }

    /** Decrypts received bytes, and takes part in the handshake. */
    private SSLEngineResult.Status decrypt(ByteBuffer target) throws IOException {
        while (true) {
            HandshakeStatus handshake = engine.getHandshakeStatus();
            if (handshake == HandshakeStatus.NEED_TASK) {
                for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                    task.run();
                }
            } else if (handshake == HandshakeStatus.NEED_WRAP) {
                out.clear();
                engine.wrap(ByteBuffer.allocate(0), out);
                out.flip();
                while (out.hasRemaining()) {
                    socket.write(out); // a flight is less than a socket's buffer
                }
            } else {
                SSLEngineResult result = engine.unwrap(in, target);
                boolean isMore = result.bytesConsumed() > 0
                        || result.getHandshakeStatus() == HandshakeStatus.NEED_TASK
                        || result.getHandshakeStatus() == HandshakeStatus.NEED_WRAP;
                if (result.getStatus() != SSLEngineResult.Status.OK || !isMore) {
                    return result.getStatus() == SSLEngineResult.Status.OK
                            ? SSLEngineResult.Status.BUFFER_UNDERFLOW
                            : result.getStatus();
                }
            }
        }
    }

    /**
     * Advances the source when the record with its bytes is written. Until then, this method must be called again, with
     * the same bytes.
     */
    @Override
    public int write(ByteBuffer source) throws IOException {
        if (underWay == 0 && source.hasRemaining()) {
            out.clear();
            ByteBuffer content = source.duplicate();
            engine.wrap(content, out);
            out.flip();
            underWay = content.position() - source.position();
        }
        socket.write(out);
        if (out.hasRemaining()) {
            return 0;
        }
        int done = underWay;
        underWay = 0;
        source.position(source.position() + done);
        return done;
    }

    @Override
    public boolean isOpen() {
        return socket.isOpen();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
