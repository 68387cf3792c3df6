package dev.refrain.jmh.tool;

import dev.refrain.engine.internal.store.Inspection;
import dev.refrain.testing.ChildJvm;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Checks every entry of a store: {@code java -cp jmh/target/benchmarks.jar dev.refrain.jmh.tool.Verifier FILE}. It only
 * reads, so the store may be in use. With {@code --soak}, it makes a store instead and tests it ({@link Soak}). Exits
 * with 0 if nothing is damaged, 1 if something is or the file is no store, 2 for a wrong command line.
 */
@Command(
        name = "java -cp jmh/target/benchmarks.jar dev.refrain.jmh.tool.Verifier",
        description = "Checks every entry of a store without changing anything, whether or not it is in use.",
        exitCodeOnInvalidInput = 2,
        sortOptions = false)
public final class Verifier implements Callable<Integer> {
    private static final int DAMAGED = 1;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "FILE", description = "The file of the store.")
    private Path file;

    @Option(
            names = "--soak",
            paramLabel = "DURATION",
            converter = Seconds.class,
            description = "Instead, make a store at FILE, let processes work on it for so long (such as 30s, 10m or "
                    + "8h), kill them and look at what they leave behind.")
    private Long soakSeconds;

    @Option(names = "--help", usageHelp = true, description = "Print this and exit.")
    @SuppressWarnings("UnusedVariable") // read by picocli
    private boolean help;

    private Verifier() {}

    /** Runs the command line. */
    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    static CommandLine commandLine() {
        return new CommandLine(new Verifier());
    }

    private static final class Seconds implements CommandLine.ITypeConverter<Long> {
        @Override
        public Long convert(String value) {
            try {
                return Duration.parse("PT" + value.toUpperCase(Locale.ROOT)).toSeconds();
            } catch (java.time.format.DateTimeParseException e) {
                throw new CommandLine.TypeConversionException(
                        "'" + value + "' is not a duration such as 30s, 10m or 8h");
            }
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (soakSeconds != null) {
            if (Files.exists(file)) {
                throw new CommandLine.ParameterException(
                        spec.commandLine(),
                        file + " exists; name a file that does not, because a soak evicts what is there");
            }
            return ChildJvm.builder(Soak.class, file.toAbsolutePath(), soakSeconds)
                    .inheritIO()
                    .start()
                    .waitFor();
        }
        ProgressLine progress = ProgressLine.onTerminal();
        try {
            Inspection.Report report =
                    Inspection.of(file, System.currentTimeMillis(), percent -> progress.at(percent, ""));
            print(report, spec.commandLine().getOut());
            return report.damaged() == 0 ? CommandLine.ExitCode.OK : DAMAGED;
        } catch (IOException e) {
            spec.commandLine()
                    .getErr()
                    .println("refrain: " + (e.getClass() == IOException.class ? e.getMessage() : e.toString()));
            return DAMAGED;
        }
    }

    private void print(Inspection.Report report, PrintWriter out) {
        List<Double> fill = report.fill();
        out.printf(
                Locale.ROOT,
                """
                entries    %,d, of which %,d live, %,d expired
                large      %,d, of which %,d lack a part and are misses
                parts      %,d, of which %,d belong to no entry and will be evicted
                bytes      %,d of %,d
                segments   %,d, filled to %.1f %% (least), %.1f %% (median), %.1f %% (most)
                locks      %,d segments locked
                closed     %s
                damaged    %,d
                """,
                report.entries(),
                report.live(),
                report.entries() - report.live(),
                report.large(),
                report.incomplete(),
                report.parts(),
                report.orphans(),
                report.bytes(),
                report.capacityBytes(),
                fill.size(),
                100 * fill.get(0),
                100 * fill.get(fill.size() / 2),
                100 * fill.get(fill.size() - 1),
                report.lockedSegments(),
                closed(report.opens()),
                report.damaged());
        report.details().forEach(detail -> out.println("  " + detail));
        out.flush();
    }

    private static String closed(int opens) {
        return switch (opens) {
            case -1 -> "not known, the lock file is missing";
            case 0 -> "cleanly";
            default -> "no: in use, or its process was killed (" + opens + " openings without a closing)";
        };
    }
}
