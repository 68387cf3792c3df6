package dev.refrain.console.log;

import java.util.Locale;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** How a process logs, by {@code java.util.logging}. Thread-safe. */
public final class Logs {
    /** Replaces everything that is set here. */
    private static final String OWN_CONFIGURATION = "java.util.logging.config.file";

    private static final String OURS = "dev.refrain";

    /** Held, since a logger that nobody holds forgets its level. */
    private static final Logger OUR_LOGGER = Logger.getLogger(OURS);

    private Logs() {}

    /** The form of a line. */
    public enum Format {
        /** Lines for people. */
        TEXT,
        /** An object of JSON for each line. */
        JSON
    }

    /** The least that is logged. */
    public enum Threshold {
        /** What keeps Refrain from its work. */
        ERROR("SEVERE"),
        /** Besides, what somebody should look at. */
        WARN("WARNING"),
        /** Besides, what happens. */
        INFO("INFO"),
        /** Besides, what helps to find out why. */
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

    /** Logs so from now on, unless the JVM was started with a configuration of its own. */
    public static void use(Format format, Threshold threshold) {
        if (System.getProperty(OWN_CONFIGURATION) != null) {
            return;
        }
        Logger root = Logger.getLogger("");
        // Libraries say at INFO what nobody asked for.
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
