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
 * A connection that is made anew whenever it is lost. Lettuce could do that by itself, but not for a first connection
 * that fails, and it would send again what was under way: a request has long gone on by then. Thread-safe.
 */
final class Link<C extends StatefulConnection<byte[], byte[]>> {
    private static final Logger LOG = LoggerFactory.getLogger(Link.class);
    private static final long FIRST_DELAY_MILLIS = 50;
    private static final long LONGEST_DELAY_MILLIS = 2_000;

    private final String what;
    private final Supplier<CompletionStage<C>> connector;
    private final ScheduledExecutorService timer;
    private final Consumer<C> up;
    private final Runnable down;
    private volatile C current;
    // Guarded by this.
    private long delay = FIRST_DELAY_MILLIS;
    private boolean closed;
    /** So that each change of state is one line in the log. */
    private boolean toldDown;

    /**
     * A link that is not connected; see {@link #connect}.
     *
     * @param what it is for, in messages
     * @param up told of each connection
     * @param down told when one was lost that {@code up} was told of
     */
    Link(
            String what,
            Supplier<CompletionStage<C>> connector,
            ScheduledExecutorService timer,
            Consumer<C> up,
            Runnable down) {
        this.what = what;
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
        boolean wasDown;
        synchronized (this) {
            wanted = !closed;
            wasDown = toldDown;
            if (wanted) {
                current = connection;
                delay = FIRST_DELAY_MILLIS;
                toldDown = false;
            }
        }
        if (!wanted) {
            connection.closeAsync();
            return;
        }
        if (wasDown) {
            LOG.info("The shared tier is connected again ({})", what);
        }
        boolean usable = false;
        try {
            up.accept(connection);
            usable = connection.isOpen();
        } catch (RuntimeException e) {
            LOG.debug("A connection to the shared tier ended as it began ({})", what, e);
        }
        if (!usable) {
            // It may have ended before anybody knew that it was the current one.
            connection.closeAsync();
            lost(connection);
        }
    }

    private void failed(Throwable failure) {
        boolean first;
        synchronized (this) {
            first = !toldDown && !closed;
            toldDown = true;
        }
        if (first) {
            LOG.warn(
                    "The shared tier cannot be reached ({}): {}. Requests go on without it",
                    what,
                    Causes.brief(failure));
        }
        again();
    }

    private void again() {
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
            // Closed meanwhile.
        }
    }

    /** A connection has been closed, by whomever. */
    void lost(Object connection) {
        boolean first;
        synchronized (this) {
            if (current == null || current != connection) {
                return;
            }
            current = null;
            first = !toldDown && !closed;
            toldDown = true;
        }
        if (first) {
            LOG.warn("The connection to the shared tier was lost ({}). Requests go on without it", what);
        }
        down.run();
        again();
    }

    /** Gives the connection up, which may be dead or lead to a wrong server, and makes another. */
    void drop() {
        C connection = current;
        if (connection != null) {
            connection.closeAsync();
            lost(connection);
        }
    }

    /** Makes no more connections. The client closes the one that there is. */
    synchronized void close() {
        closed = true;
        current = null;
    }
}
