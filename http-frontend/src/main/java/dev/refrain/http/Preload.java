package dev.refrain.http;

import java.util.List;
import org.sqlite.SQLiteJDBCLoader;
import org.xnio.Xnio;

/**
 * Loads on another processor what a start will need in a moment: most of a start is the loading of classes. Nothing depends on it; what
 * fails here fails again, and is reported, where it is used.
 */
final class Preload {
    private interface Step {
        void run() throws Exception;
    }

    /** In the order in which a start comes by them. */
    private static final List<Step> STEPS = List.of(Xnio::getInstance, SQLiteJDBCLoader::initialize);

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
                // Whatever it is, it is not this thread's to report.
            }
        }
    }
}
