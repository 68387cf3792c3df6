package dev.refrain.shared.redis;

import io.lettuce.core.api.StatefulConnection;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection that is replaced whenever it is lost. Lettuce's own reconnecting would not do: it does not retry a first
 * connection that fails, and it would send commands again although the requests have long gone on without their
 * answers. Thread-safe.
 */
final class Link<C extends StatefulConnection<byte[], byte[]>> {
    private static final Logger LOG = LoggerFactory.getLogger(Link.class);
    private static final long FIRST_DELAY_MILLIS = 50;
    private static final long LONGEST_DELAY_MILLIS = 2_000;

    private final String what;
    private final OutageLog outage;
    private final Supplier<CompletionStage<C>> connector;
    private final ScheduledExecutorService timer;
    private final Consumer<C> up;
    private final Runnable down;
    private volatile C current;
    // Guarded by this.
    private long delay = FIRST_DELAY_MILLIS;
    private boolean closed;

    /**
     * A link that is not connected yet; see {@link #connect}.
     *
     * @param what the purpose of the connection, for messages
     * @param outage is told of each new or lost connection, and of each failed attempt
     * @param up called with each new connection
     * @param down called when a connection is lost, after {@code up} was called with that connection
     */
    Link(
            String what,
            OutageLog outage,
            Supplier<CompletionStage<C>> connector,
            ScheduledExecutorService timer,
            Consumer<C> up,
            Runnable down) {
        this.what = what;
        this.outage = outage;
        this.connector = connector;
        this.timer = timer;
        this.up = up;
        this.down = down;
    }

    /** The connection, or null if there is none now. */
    C current() {
        return current;
    }

    void connect() {
        CompletionStage<C> stage;
        try {
            stage = connector.get();
        } catch (RuntimeException e) {
            failed(e);
            return;
        }
        stage.whenComplete((connection, failure) -> {
            if (failure != null) {
                failed(failure);
            } else {
                made(connection);
            }
        });
    }

    private void made(C connection) {
        boolean wanted;
        synchronized (this) {
            wanted = !closed;
            if (wanted) {
                current = connection;
                delay = FIRST_DELAY_MILLIS;
            }
        }
        if (!wanted) {
            connection.closeAsync();
            return;
        }
        outage.made(what);
        boolean usable = false;
        try {
            up.accept(connection);
            usable = connection.isOpen();
        } catch (RuntimeException e) {
            LOG.debug("A connection to the shared tier failed just after it was made ({})", what, e);
        }
        if (!usable) {
            // The connection may have ended before it became the current one, and then nothing has reported its loss.
            connection.closeAsync();
            lost(connection);
        }
    }

    private void failed(Throwable failure) {
        if (!isClosed()) {
            outage.failed(what, failure);
        }
        retry();
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    private void retry() {
        long wait;
        synchronized (this) {
            if (closed) {
                return;
            }
            wait = delay / 2 + ThreadLocalRandom.current().nextLong(delay / 2 + 1);
            delay = Math.min(LONGEST_DELAY_MILLIS, delay * 2);
        }
        try {
            timer.schedule(this::connect, wait, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // The link was closed meanwhile.
        }
    }

    /** Takes note that either side has closed a connection, and makes another. */
    void lost(Object connection) {
        synchronized (this) {
            if (current == null || current != connection) {
                return;
            }
            current = null;
        }
        outage.lost(what);
        down.run();
        retry();
    }

    /** Closes the connection, which may be dead or lead to a wrong server, and makes another. */
    void drop() {
        C connection = current;
        if (connection != null) {
            connection.closeAsync();
            lost(connection);
        }
    }

    /** Ends the making of connections. The current connection is closed with Lettuce's client. */
    synchronized void close() {
        closed = true;
        current = null;
    }
}
