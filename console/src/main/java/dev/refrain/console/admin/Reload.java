package dev.refrain.console.admin;

import java.util.List;

/** Reads the settings again, and applies what can be changed while requests are served. Thread-safe. */
@FunctionalInterface
public interface Reload {
    /**
     * What became of it. Immutable; nothing is null.
     *
     * @param applied names of the settings that have changed and hold from now on, and paths of certificates
     * @param needRestart names of those that have changed and hold from the next start on
     * @param faults what is wrong, a line for each; then nothing was changed
     */
    record Result(List<String> applied, List<String> needRestart, List<String> faults) {
        /** Copies the lists. */
        public Result {
            applied = List.copyOf(applied);
            needRestart = List.copyOf(needRestart);
            faults = List.copyOf(faults);
        }

        /** Nothing was changed. */
        public static Result refused(List<String> faults) {
            return new Result(List.of(), List.of(), faults);
        }
    }

    /** Runs it, one at a time. It may read from the disk. */
    Result run();
}
