package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.JsonNode;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.TimeSeries;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.sse.ServerSentEventConnection;
import io.undertow.server.handlers.sse.ServerSentEventConnection.EventCallback;
import io.undertow.server.handlers.sse.ServerSentEventHandler;
import io.undertow.util.StatusCodes;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the latest figures and requests to its listeners every two seconds, as server-sent events. Events are made once
 * for all listeners, and not at all while there are none. A listener that has not read the last events is skipped. The
 * figures that it gets next are complete; requests that it missed are in the log.
 */
public final class Events implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Events.class);

    static final int MOST_LISTENERS = 64;
    static final long INTERVAL_MILLIS = 2000;
    private static final int MOST_RECORDS = 50;

    private final Figures figures;
    private final ActivityLog activity;
    private final AtomicInteger open = new AtomicInteger();
    private final Set<Listener> listeners = ConcurrentHashMap.newKeySet();
    private final ServerSentEventHandler handler = new ServerSentEventHandler(this::connected);
    /** An executor that drops tasks after it was stopped. */
    private final ScheduledExecutorService thread = new ScheduledThreadPoolExecutor(
            1,
            task -> {
                Thread thread = new Thread(task, "refrain-admin-events");
                thread.setDaemon(true);
                return thread;
            },
            new ThreadPoolExecutor.DiscardPolicy());
    // Used by the thread alone: the last record that was sent, and whether listeners have received every record since.
    private long sequence;

    private boolean isFollowing;

    Events(Figures figures, ActivityLog activity) {
        this.figures = figures;
        this.activity = activity;
        thread.scheduleWithFixedDelay(this::tellQuietly, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** A listener, and how many events it has not taken yet. */
    private static final class Listener implements EventCallback {
        private final ServerSentEventConnection connection;
        private final AtomicInteger waiting = new AtomicInteger();

        Listener(ServerSentEventConnection connection) {
            this.connection = connection;
        }

        boolean isIdle() {
            return waiting.get() == 0;
        }

        void send(String event, String data) {
            waiting.incrementAndGet();
            connection.send(data, event, null, this);
        }

        @Override
        public void done(ServerSentEventConnection to, String data, String event, String id) {
            waiting.decrementAndGet();
        }

        @Override
        public void failed(
                ServerSentEventConnection to, String data, String event, String id, java.io.IOException failure) {
            LOG.debug("A listener has gone", failure);
        }
    }

    void listen(HttpServerExchange exchange) throws Exception {
        if (open.incrementAndGet() > MOST_LISTENERS) {
            open.decrementAndGet();
            throw new AdminException(
                    StatusCodes.SERVICE_UNAVAILABLE,
                    "There are " + MOST_LISTENERS + " listeners already; close one and try again.");
        }
        // A connection with events is not reused, so its end is the end of the listener.
        exchange.getConnection().addCloseListener(closed -> open.decrementAndGet());
        handler.handleRequest(exchange);
    }

    private void connected(ServerSentEventConnection connection, String lastEventId) {
        Listener listener = new Listener(connection);
        listeners.add(listener);
        connection.addCloseTask(closed -> listeners.remove(listener));
        if (!connection.isOpen()) {
            listeners.remove(listener);
        }
        // The first figures are sent at once, so that the page has something to show. Requests after them are sent as
        // events.
        thread.execute(() -> quietly(() -> {
            if (!isFollowing) {
                news();
            }
            tell(Set.of(listener), List.of());
        }));
    }

    /** The number of listeners. */
    int listeners() {
        return listeners.size();
    }

    private void tellQuietly() {
        quietly(() -> {
            if (listeners.isEmpty()) {
                isFollowing = false;
                return;
            }
            tell(listeners, news());
        });
    }

    /** Requests that were not sent yet. Requests from before the first listener do not count. */
    private List<Activity> news() {
        ActivityLog.Tail tail = activity.after(sequence, MOST_RECORDS);
        boolean isNews = isFollowing;
        sequence = tail.sequence();
        isFollowing = true;
        return isNews ? tail.data() : List.of();
    }

    private static void quietly(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            // An escaping exception would end the schedule.
            LOG.warn("Events could not be sent to listeners; dashboards miss an update", e);
        }
    }

    private void tell(Set<Listener> to, List<Activity> records) {
        if (to.isEmpty()) {
            return;
        }
        String stats = figures.document().toString();
        List<TimeSeries.Point> hour = activity.series(TimeSeries.Range.HOUR);
        String point =
                hour.isEmpty() ? null : Documents.of(hour.get(hour.size() - 1)).toString();
        JsonNode news = records.isEmpty() ? null : Documents.of(records);
        for (Listener listener : to) {
            if (listener.isIdle()) {
                listener.send("stats", stats);
                if (point != null) {
                    listener.send("point", point);
                }
                if (news != null) {
                    listener.send("activity", news.toString());
                }
            }
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
        listeners.forEach(listener -> org.xnio.IoUtils.safeClose(listener.connection));
    }
}
