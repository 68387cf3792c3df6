package dev.refrain.console.log;

import java.util.Locale;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** Configures {@code java.util.logging} for the process. Thread-safe. */
public final class Logs {
    /** Names a configuration of the operator's own. If it is set, this class changes nothing. */
    private static final String OWN_CONFIGURATION = "java.util.logging.config.file";

    private static final String OURS = "dev.refrain";

    /** A strong reference: an unreferenced logger is collected, and its level lost. */
    private static final Logger OUR_LOGGER = Logger.getLogger(OURS);

    private Logs() {}

    /** The format of a line. */
    public enum Format {
        /** Lines for people. */
        TEXT,
        /** A JSON object for each line. */
        JSON
    }

    /** The least severe level that is logged. */
    public enum Threshold {
        /** Faults that keep Refrain from its work. */
        ERROR("SEVERE"),
        /** Also events that an operator should look into. */
        WARN("WARNING"),
        /** Also ordinary events. */
        INFO("INFO"),
        /** Also details for finding causes. */
        DEBUG("FINE");

        /** Name of the level of {@code java.util.logging}. */
        private final String level;

        Threshold(String level) {
            this.level = level;
        }

        private Level level() {
            return Level.parse(level);
        }

        /** The word for a level of {@code java.util.logging}. */
        static String word(Level level) {
            for (Threshold threshold : values()) {
                if (level.intValue() >= threshold.level().intValue()) {
                    return threshold.name().toLowerCase(Locale.ROOT);
                }
            }
            return "debug";
        }
    }

    /** Sets format and threshold, unless the JVM was started with a logging configuration of its own. */
    public static void use(Format format, Threshold threshold) {
        if (System.getProperty(OWN_CONFIGURATION) != null) {
            return;
        }
        Logger root = Logger.getLogger("");
        // What libraries log at INFO does not concern an operator.
        root.setLevel(threshold == Threshold.ERROR ? Level.SEVERE : Level.WARNING);
        OUR_LOGGER.setLevel(threshold.level());
        for (Handler handler : root.getHandlers()) {
            handler.setLevel(Level.ALL);
            Formatter formatter = handler.getFormatter();
            if (format == Format.JSON && !(formatter instanceof JsonLines)) {
                handler.setFormatter(new JsonLines());
            } else if (format == Format.TEXT && formatter instanceof JsonLines) {
                handler.setFormatter(new SimpleFormatter());
            }
        }
    }
}
