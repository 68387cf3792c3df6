package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import net.openhft.chronicle.core.Jvm;
import net.openhft.chronicle.core.onoes.ExceptionHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens and closes files on a thread of its own. On the caller's thread, a set interrupt flag would close the channels
 * and so release their locks. Chronicle's messages on this thread go to the debug log, because Chronicle logs a
 * recovery as warnings on which nobody can act.
 */
final class OwnThread {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);

    private OwnThread() {}

    @FunctionalInterface
    interface Task<T> {
        T run() throws IOException;
    }

    /** Runs a task to its end, even if the caller is interrupted meanwhile. The interrupt flag is kept. */
    static <T> T run(String name, Task<T> task) throws IOException {
        FutureTask<T> future = new FutureTask<>(() -> {
            ExceptionHandler aside = (logger, message, thrown) -> LOG.debug(message, thrown);
            Jvm.setThreadLocalExceptionHandlers(aside, aside, aside, aside);
            return task.run();
        });
        Thread thread = new Thread(future, name);
        // Chronicle starts a thread from here that never ends. It must not keep the context class loader of the caller.
        thread.setContextClassLoader(OwnThread.class.getClassLoader());
        thread.setDaemon(true);
        thread.start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            throw rethrown(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static IOException rethrown(Throwable cause) {
        if (cause instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (cause instanceof Error error) {
            throw error;
        }
        return cause instanceof IOException io ? io : new IOException(cause);
    }
}
