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
 * Writes the rest of an answer of a {@link Shortcut} that the client has not taken at once, as the client takes more
 * and within the limits of every client. Belongs to the I/O thread.
 */
final class PendingWrite {
    /** Called once, on the I/O thread. */
    interface Receiver {
        /**
         * Nothing is left to do.
         *
         * @param broken whether the client has gone, or was cut off
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
     * Writes the rest when it can be written. The receiver may be called before this returns.
     *
     * @param server the same connection, as Undertow has it
     * @param owned whether the bytes belong to this answer alone (no copy is made), and are reserved in the memory
     *     budget
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
            // Under TLS one more call may be on its way when the connection is closed.
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
            // Under TLS, what has been taken may not have gone out yet.
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

    /** Resets the connection, so that the client does not take a part for the whole answer. */
    private void cut() {
        if (!over) {
            try {
                connection.setOption(Options.CLOSE_ABORT, true);
            } catch (IOException alreadyClosed) {
                // Then there is nothing to reset.
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
