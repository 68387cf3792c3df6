package dev.refrain.http.server;

import dev.refrain.console.activity.Account;
import io.undertow.server.HttpServerExchange;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.ChannelListener;
import org.xnio.channels.StreamSinkChannel;

/**
 * Writes the body of an answer, or the bytes of a tunnel, to the client's socket without waiting. Bytes that the socket
 * does not take go to a backlog, and are written when it becomes writable. A client that takes nothing for too long is
 * cut off.
 *
 * <p>Used on the exchange's I/O thread. Only {@link #send} may run on another thread, which then writes in place of the
 * I/O thread.
 */
final class AnswerBody {
    private static final Logger LOG = LoggerFactory.getLogger(AnswerBody.class);

    /** The answer to which the bytes belong; called on the I/O thread. */
    interface Owner {
        /** Whether nothing more may be written, because the answer is complete or the connection closed. */
        boolean isOver();

        /** The backlog has been written, after some bytes had to wait. */
        void emptied();

        /** A write failed, or the client took nothing for too long. */
        void clientGone();
    }

    private final HttpServerExchange exchange;
    /** Null for a path that is no endpoint. */
    private final Account account;

    private final ClientLimits limits;
    private final Owner owner;
    private final Backlog pending;

    /** Null until the head is written, or the tunnel is open. */
    private StreamSinkChannel channel;
    /** Whether something has been written, so that the head no longer goes out together with the next bytes. */
    private boolean begun;
    /** Null until the client has to be waited for. */
    private WaitTimer timer;

    AnswerBody(HttpServerExchange exchange, Account account, ClientLimits limits, Owner owner) {
        this.exchange = exchange;
        this.account = account;
        this.limits = limits;
        this.owner = owner;
        this.pending = new Backlog(limits.memory());
    }

    /** Opens the exchange's channel, to which all bytes go. */
    void open() {
        channel = exchange.getResponseChannel();
    }

    /** Opens a tunnel's channel, to which all bytes go. The answer's head has been sent already. */
    void open(StreamSinkChannel tunnel) {
        channel = tunnel;
        begun = true;
        if (!pending.isEmpty()) {
            resume();
        }
    }

    boolean isOpen() {
        return channel != null;
    }

    /** The channel; null until it is open. */
    StreamSinkChannel channel() {
        return channel;
    }

    /** Whether the backlog is empty. The channel may still have to be flushed. */
    boolean isEmpty() {
        return pending.isEmpty();
    }

    /** Whether the client had to be waited for. */
    boolean hasWaited() {
        return timer != null;
    }

    /**
     * Adds a piece.
     *
     * @param owned whether the piece need not be copied
     * @return false if the memory budget has no room for the bytes that the client does not take
     */
    boolean add(ByteBuffer bytes, boolean owned) {
        writeNow(bytes);
        if (!bytes.hasRemaining() || owner.isOver()) {
            return true;
        }
        if (!pending.add(bytes, owned)) {
            return false;
        }
        resume();
        return true;
    }

    /** Adds a piece for which memory is reserved: as much as the buffer's capacity. */
    void addReserved(ByteBuffer bytes) {
        boolean isHeld = false;
        try {
            writeNow(bytes);
            if (bytes.hasRemaining() && !owner.isOver()) {
                isHeld = true;
                pending.addReserved(bytes);
                resume();
            }
        } finally {
            if (!isHeld) {
                limits.memory().release(bytes.capacity());
            }
        }
    }

    private void writeNow(ByteBuffer bytes) {
        if (bytes.hasRemaining() && pending.isEmpty() && channel != null && !owner.isOver()) {
            write(bytes);
        }
    }

    private void write(ByteBuffer bytes) {
        try {
            if (!send(bytes)) {
                resume();
            }
        } catch (IOException e) {
            owner.clientGone();
        }
    }

    /** Writes what the socket takes. Returns false if the channel has taken all bytes, but still has to be flushed. */
    boolean send(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            int count = begun ? Pieces.write(channel, bytes) : Pieces.writeFirst(channel, bytes);
            if (count == 0) {
                return true;
            }
            begun = true;
            if (account != null) {
                account.wrote(count);
            }
            if (timer != null) {
                timer.stop(count);
            }
        }
        return exchange.getResponseContentLength() >= 0 || channel.flush();
    }

    /** Flushes the channel. Returns whether that is done; if not, it is done when the socket becomes writable. */
    boolean flush() {
        try {
            if (channel.flush()) {
                return true;
            }
            resume();
        } catch (IOException e) {
            owner.clientGone();
        }
        return false;
    }

    private void resume() {
        if (channel == null) {
            return; // until the tunnel is open
        }
        ChannelListener<StreamSinkChannel> writable = ready -> onWritable();
        channel.getWriteSetter().set(writable);
        channel.resumeWrites();
        awaitClient();
    }

    private void awaitClient() {
        if (timer == null) {
            timer = new WaitTimer(exchange.getIoThread(), limits, () -> {
                LOG.debug("A client was cut: it has read nothing of its answer for too long");
                owner.clientGone();
            });
        }
        timer.start();
    }

    private void onWritable() {
        while (!owner.isOver() && !pending.isEmpty()) {
            write(pending.first());
            if (owner.isOver()) {
                return;
            }
            if (pending.first().hasRemaining()) {
                awaitClient();
                return;
            }
            pending.removeFirst();
        }
        if (owner.isOver()) {
            return;
        }
        try {
            if (!channel.flush()) {
                awaitClient();
                return;
            }
        } catch (IOException e) {
            owner.clientGone();
            return;
        }
        timer.stop(0);
        channel.suspendWrites();
        owner.emptied();
    }

    /** Stops writing. The wait for the client ends, and the backlog is dropped. */
    void stop() {
        pending.clear();
        if (timer != null) {
            timer.stop(0);
        }
    }
}
