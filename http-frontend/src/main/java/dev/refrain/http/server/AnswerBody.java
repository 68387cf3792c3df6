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
 * Writes the body of an answer, or what a tunnel carries, to the client's socket without waiting. What the socket does
 * not take goes to a backlog, and from there when it takes more. A client that takes nothing for too long is given up.
 *
 * <p>For the exchange's I/O thread. {@link #send} alone is also for a thread that writes in its place.
 */
final class AnswerBody {
    private static final Logger LOG = LoggerFactory.getLogger(AnswerBody.class);

    /** The answer that the bytes are of; called on the I/O thread. */
    interface Owner {
        /** Whether nothing more is written, because the answer is complete or the connection closed. */
        boolean isOver();

        /** All bytes are with the client, after some had to wait. */
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

    /** Null until the head is written, or the tunnel open. */
    private StreamSinkChannel channel;
    /** Whether something has been written: the head does not go out together with the next bytes. */
    private boolean begun;
    /** Null until the client is waited for. */
    private WaitTimer timer;

    AnswerBody(HttpServerExchange exchange, Account account, ClientLimits limits, Owner owner) {
        this.exchange = exchange;
        this.account = account;
        this.limits = limits;
        this.owner = owner;
        this.pending = new Backlog(limits.memory());
    }

    /** What is added from now on, and what has been added before, goes to the exchange's channel. */
    void open() {
        channel = exchange.getResponseChannel();
    }

    /** The same, of a tunnel, whose answer has its head already. */
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

    /** Null until it is open. */
    StreamSinkChannel channel() {
        return channel;
    }

    /** Whether nothing waits for the client. It may still have to be flushed. */
    boolean isEmpty() {
        return pending.isEmpty();
    }

    /** Whether the client has been waited for. */
    boolean hasWaited() {
        return timer != null;
    }

    /**
     * Adds a piece.
     *
     * @param owned whether it need not be copied
     * @return false if the memory budget has no room for what the client does not take
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

    /** Adds a piece for which memory is reserved: all that the buffer holds. */
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

    /** Writes what the socket takes. Returns whether all of that has gone out; if not, it has to be flushed. */
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

    /** Returns whether all that was written has gone out; if not, it does when the socket takes it. */
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
                LOG.debug("The client takes nothing");
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

    /** Nothing more is written: the client is waited for no longer, and what it has not taken is dropped. */
    void stop() {
        pending.clear();
        if (timer != null) {
            timer.stop(0);
        }
    }
}
