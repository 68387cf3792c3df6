package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import io.undertow.server.HttpServerExchange;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Threads that decode long bodies and make their keys. On an I/O thread this would delay all its connections by tens of
 * milliseconds; a coded body of a few KiB is enough for that. There are few threads, so that the I/O threads always get
 * their share of the processors. Waiting bodies are reserved in the {@link MemoryBudget}, which bounds the queue.
 */
public final class LongBodies implements AutoCloseable {
    /** Bytes that an I/O thread deals with itself, in about a millisecond. */
    public static final int LONG = 256 * 1024;

    private static final Logger LOG = LoggerFactory.getLogger(LongBodies.class);
    private static final long IDLE_SECONDS = 30;

    private final ExecutorService threads;

    public LongBodies() {
        int count = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                count, count, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
                    Thread thread = new Thread(work, "refrain-long-bodies");
                    thread.setDaemon(true);
                    return thread;
                });
        pool.allowCoreThreadTimeOut(true);
        threads = pool;
    }

    /**
     * Does something for a request that is dispatched, then goes on with the result on the request's I/O thread.
     *
     * @param failed gets what the work throws, on the I/O thread, too
     */
    public <T> void run(HttpServerExchange exchange, Callable<T> work, Consumer<T> next, Consumer<Throwable> failed) {
        try {
            threads.execute(() -> {
                Runnable then;
                try {
                    T result = work.call();
                    then = () -> next.accept(result);
                } catch (Exception | Error e) {
                    then = () -> failed.accept(e);
                }
                hand(exchange, then);
            });
        } catch (RejectedExecutionException closed) {
            failed.accept(ProxyException.stopping());
        }
    }

    private static void hand(HttpServerExchange exchange, Runnable then) {
        try {
            exchange.getIoThread().execute(then);
        } catch (RejectedExecutionException closed) {
            LOG.debug("The connection's thread has ended", closed);
        }
    }

    /** Waits for the work in progress, and begins nothing else. Idempotent. */
    @Override
    public void close() {
        threads.shutdownNow();
        try {
            // A body is bounded, and so is the time for one.
            threads.awaitTermination(IDLE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
