package dev.refrain.console.cli;

import dev.refrain.engine.archive.ArchiveProgress;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;

/** Shows the progress of work that takes more than a second: a bar on a terminal, else a line every ten seconds. */
final class Progress implements ArchiveProgress {
    private static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LINE_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int WIDTH = 30;

    private final PrintWriter out;
    /** False if the output is a file, or {@code NO_COLOR} is set. */
    private final boolean isTerminal = CommandLine.Help.Ansi.AUTO.enabled();

    private final long begun = System.nanoTime();
    private long shownNanos = begun;
    private boolean isShown;

    Progress(PrintWriter out) {
        this.out = out;
    }

    @Override
    public void at(double done, long entries, long bytes) {
        long now = System.nanoTime();
        if (now - begun < FIRST_NANOS || (!isTerminal && now - shownNanos < LINE_NANOS)) {
            return;
        }
        shownNanos = now;
        String line = line(done, entries, bytes, now - begun);
        if (isTerminal) {
            isShown = true;
            out.print("\r" + line);
        } else {
            out.println(line.stripTrailing());
        }
        out.flush();
    }

    static String line(double done, long entries, long bytes, long nanos) {
        int filled = (int) Math.round(Math.max(0, Math.min(1, done)) * WIDTH);
        String left = done > 0.01 ? ", " + Table.duration((long) (nanos / 1e6 / done * (1 - done))) + " left" : "";
        return String.format(
                Locale.ROOT,
                "[%s%s] %3.0f %%  %,d answers, %s%s   ",
                "#".repeat(filled),
                ".".repeat(WIDTH - filled),
                done * 100,
                entries,
                Table.bytes(bytes),
                left);
    }

    /** Ends the bar's line. */
    void end() {
        if (isShown) {
            out.println();
            out.flush();
        }
    }
}
