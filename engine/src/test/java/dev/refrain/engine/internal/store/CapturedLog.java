package dev.refrain.engine.internal.store;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** What the store says to its operator, while this is open; nothing below INFO, and nothing on the console. */
final class CapturedLog extends Handler implements AutoCloseable {
    private static final Logger LOGGER = Logger.getLogger(ChronicleStore.class.getName());

    private final List<String> lines = new CopyOnWriteArrayList<>();

    CapturedLog() {
        LOGGER.addHandler(this);
        LOGGER.setUseParentHandlers(false);
    }

    /** Level and message of each line. */
    List<String> lines() {
        return lines;
    }

    @Override
    public void publish(LogRecord entry) {
        lines.add(entry.getLevel() + " " + new SimpleFormatter().formatMessage(entry));
    }

    @Override
    public void flush() {
        // Nothing is held back.
    }

    @Override
    public void close() {
        LOGGER.removeHandler(this);
        LOGGER.setUseParentHandlers(true);
    }
}
