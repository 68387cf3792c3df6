package dev.refrain.jmh.tool;

import java.io.PrintStream;
import picocli.CommandLine;

/**
 * A progress bar on one line of a terminal, redrawn when the percentage changes. Without a terminal nothing is drawn.
 * Libraries for this come with native code for terminals, out of proportion to this use.
 */
final class ProgressLine {
    private static final int WIDTH = 40;

    private final PrintStream out;
    private final boolean isShown;
    private int last = -1;

    /** A bar on standard error. */
    @SuppressWarnings("SystemOut") // a line that is redrawn
    static ProgressLine onTerminal() {
        return new ProgressLine(System.err, CommandLine.Help.Ansi.AUTO.enabled());
    }

    ProgressLine(PrintStream out, boolean isShown) {
        this.out = out;
        this.isShown = isShown;
    }

    void at(int percent, String note) {
        if (!isShown || percent == last) {
            return;
        }
        last = percent;
        int done = percent * WIDTH / 100;
        out.printf("\r[%s%s] %3d %% %s", "#".repeat(done), ".".repeat(WIDTH - done), percent, note);
        if (percent == 100) {
            out.println();
        }
        out.flush();
    }
}
