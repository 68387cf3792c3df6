package dev.refrain.http.shortcut;

import dev.refrain.http.server.Backlog;
import dev.refrain.http.server.ClientWatch;
import dev.refrain.http.server.Patience;
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
 * What a client has not taken at once of an answer that a {@link Shortcut} gave it: written as it takes more, within
 * the limits that every client has. The I/O thread's alone.
 */
final class Leftover {
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

    private Leftover(StreamConnection connection, Patience patience, Receiver receiver) {
        this.connection = connection;
        this.sink = connection.getSinkChannel();
        this.rest = new Backlog(patience.memory());
        this.timer = new WaitTimer(connection.getIoThread(), patience, this::cut);
        this.receiver = receiver;
    }

    /**
     * Writes the rest when it can be written. The receiver may be called before this returns.
     *
     * @param server the same connection, as Undertow has it
     * @param owned whether the bytes need not be copied, and room for all of them is reserved
     */
    static void write(
            StreamConnection connection,
            ServerConnection server,
            ByteBuffer bytes,
            boolean owned,
            Patience patience,
            Receiver receiver) {
        Leftover leftover = new Leftover(connection, patience, receiver);
        ClientWatch.onClose(server, leftover::cut);
        boolean held = true;
        if (owned) {
            leftover.rest.addReserved(bytes);
        } else {
            held = leftover.rest.add(bytes, false);
        }
        if (held) {
            leftover.sink.setWriteListener(ready -> leftover.onWritable());
            leftover.sink.resumeWrites();
            leftover.timer.start();
        } else {
            leftover.cut();
        }
    }

    private void onWritable() {
        try {
            while (rest.first().hasRemaining()) {
                int count = Pieces.write(sink, rest.first());
                if (count == 0) {
                    timer.start();
                    return;
                }
                timer.stop(count);
            }
        } catch (IOException gone) {
            cut();
            return;
        }
        sink.suspendWrites();
        end(false);
    }

    /** By a reset, so that nobody takes what there is for everything. */
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
