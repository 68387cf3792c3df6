package dev.refrain.cassettes;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * A proxy that records, or plays recordings. Thread-safe.
 *
 * @param port of 127.0.0.1 that it listens on
 * @param cassettes the folder that it records into, or plays from
 * @param end stops the proxy after calls under way have been recorded; idempotent
 */
public record RunningCassettes(int port, Cassettes cassettes, Runnable end) implements AutoCloseable {
    /** Starts proxies. */
    @FunctionalInterface
    public interface Starter {
        /**
         * Starts a proxy on this machine.
         *
         * @param flags as on its command line
         * @param variables as in its environment
         * @throws IllegalArgumentException if a setting is wrong; the message says which
         * @throws IOException if the proxy cannot be started; the message says why
         */
        RunningCassettes start(List<String> flags, Map<String, String> variables) throws IOException;
    }

    /** Stops the proxy after calls under way have been recorded. Idempotent. */
    @Override
    public void close() {
        end.run();
    }
}
