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
 * Threads that decode long bodies and make their keys. On an I/O thread, this would delay all its connections by tens
 * of milliseconds, even for a compressed body of a few KiB. There are few such threads, so that the I/O threads always
 * get their share of the processors. The {@link MemoryBudget} bounds the queue, since it holds each waiting body.
 */
public final class LongBodies implements AutoCloseable {
    /** Longest body, in bytes, that an I/O thread handles itself, which takes about a millisecond. */
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
     * Runs work for a dispatched request, then continues with the result on the request's I/O thread.
     *
     * @param failed receives what the work throws, also on the I/O thread
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

    /** Waits for the work in progress, and starts no more. Idempotent. */
    @Override
    public void close() {
        threads.shutdownNow();
        try {
            // A body's length is bounded, and so is the time for it.
            threads.awaitTermination(IDLE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
