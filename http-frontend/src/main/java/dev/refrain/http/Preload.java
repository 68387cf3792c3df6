package dev.refrain.http;

import dev.refrain.http.config.Startup;
import java.util.List;
import java.util.Locale;
import java.util.TimeZone;
import org.sqlite.SQLiteJDBCLoader;
import org.xnio.Xnio;

/**
 * Loads classes that the start will need, on another thread, because most of a start is class loading. Nothing depends
 * on it: a failure here recurs, and is reported, where the class is used.
 */
final class Preload {
    private interface Step {
        void run() throws Exception;
    }

    /** Classes to load, in the order in which a start uses them. */
    private static final List<Step> STEPS = List.of(
            Startup::preload,
            // Loaded by name, since only the engine may refer to this class. The store asks it about the machine.
            () -> Class.forName("net.openhft.chronicle.core.Jvm"),
            Xnio::getInstance,
            // The Date field of the first answer needs the names of time zones.
            () -> TimeZone.getTimeZone("GMT").getDisplayName(false, TimeZone.SHORT, Locale.US),
            SQLiteJDBCLoader::initialize);

    private Preload() {}

    static void begin() {
        Thread thread = new Thread(Preload::all, "refrain-preload");
        thread.setDaemon(true);
        thread.start();
    }

    @SuppressWarnings("CatchingUnchecked")
    private static void all() {
        for (Step step : STEPS) {
            try {
                step.run();
            } catch (Throwable again) {
                // The start reports the failure where it uses the class.
            }
        }
    }
}
