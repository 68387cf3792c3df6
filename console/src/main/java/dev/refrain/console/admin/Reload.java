package dev.refrain.console.admin;

import java.util.List;

/** Reads the settings again, and applies what can be changed while requests are served. Thread-safe. */
@FunctionalInterface
public interface Reload {
    /**
     * The result of a reload. Immutable; nothing is null.
     *
     * @param applied names of changed settings that hold at once, and paths of certificates that were read again
     * @param needRestart names of changed settings that hold from the next start
     * @param faults of the new settings, a line for each; if there are any, nothing was changed
     */
    record Result(List<String> applied, List<String> needRestart, List<String> faults) {
        /** Copies the lists. */
        public Result {
            applied = List.copyOf(applied);
            needRestart = List.copyOf(needRestart);
            faults = List.copyOf(faults);
        }

        /** The result of a reload that changed nothing, because of these faults. */
        public static Result refused(List<String> faults) {
            return new Result(List.of(), List.of(), faults);
        }
    }

    /** Reloads the settings, one call at a time. May read from the disk. */
    Result run();
}
