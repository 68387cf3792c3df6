package dev.refrain.http.shortcut;

import dev.refrain.http.server.Backlog;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.http.server.ClientWatch;
import dev.refrain.http.server.Pieces;
import dev.refrain.http.server.WaitTimer;
import io.undertow.server.ServerConnection;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.xnio.IoUtils;
import org.xnio.Options;
import org.xnio.StreamConnection;
import org.xnio.conduits.ConduitStreamSinkChannel;

/**
 * Writes the rest of an answer of a {@link Shortcut} if the client has not taken all of it at once. The usual limits
 * for clients apply. Used on the I/O thread only.
 */
final class PendingWrite {
    /** Receives the result, once, on the I/O thread. */
    interface Receiver {
        /**
         * The write has ended.
         *
         * @param broken whether the client has left or was cut off
         */
        void over(boolean broken);
    }

    private final StreamConnection connection;
    private final ConduitStreamSinkChannel sink;
    private final Backlog rest;
    private final WaitTimer timer;
    private final Receiver receiver;
    private boolean over;

    private PendingWrite(StreamConnection connection, ClientLimits limits, Receiver receiver) {
        this.connection = connection;
        this.sink = connection.getSinkChannel();
        this.rest = new Backlog(limits.memory());
        this.timer = new WaitTimer(connection.getIoThread(), limits, this::cut);
        this.receiver = receiver;
    }

    /**
     * Writes the rest as the socket takes it. The receiver may be called before this returns.
     *
     * @param server Undertow's object for the same connection
     * @param owned whether the bytes belong to this answer alone and are reserved, so that no copy is needed
     */
    static void write(
            StreamConnection connection,
            ServerConnection server,
            ByteBuffer bytes,
            boolean owned,
            ClientLimits limits,
            Receiver receiver) {
        PendingWrite write = new PendingWrite(connection, limits, receiver);
        ClientWatch.onClose(server, write::cut);
        boolean held = true;
        if (owned) {
            write.rest.addReserved(bytes);
        } else {
            held = write.rest.add(bytes, false);
        }
        if (held) {
            write.sink.setWriteListener(ready -> write.onWritable());
            write.sink.resumeWrites();
            write.timer.start();
        } else {
            write.cut();
        }
    }

    private void onWritable() {
        if (over) {
            // Under TLS, one more call may come after the connection has been closed.
            return;
        }
        try {
            while (rest.first().hasRemaining()) {
                int count = Pieces.write(sink, rest.first());
                if (count == 0) {
                    timer.start();
                    return;
                }
                timer.stop(count);
            }
            // Under TLS, bytes that were taken may not have reached the socket yet.
            if (!sink.flush()) {
                timer.start();
                return;
            }
        } catch (IOException gone) {
            cut();
            return;
        }
        sink.suspendWrites();
        end(false);
    }

    /** Resets the connection, so that the client does not take a part of the answer for the whole. */
    private void cut() {
        if (!over) {
            try {
                connection.setOption(Options.CLOSE_ABORT, true);
            } catch (IOException alreadyClosed) {
                // There is nothing left to reset.
            }
            end(true);
            IoUtils.safeClose(connection);
        }
    }

    private void end(boolean broken) {
        over = true;
        rest.clear();
        timer.stop(0);
        receiver.over(broken);
    }
}
