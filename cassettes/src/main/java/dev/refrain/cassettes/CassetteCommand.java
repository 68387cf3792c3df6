package dev.refrain.cassettes;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The commands {@code record}, {@code replay}, {@code record-missing} and {@code refresh}. Each runs a program with a
 * proxy that records the program's calls, or answers them from recordings. Used on the main thread of a process.
 */
public final class CassetteCommand {
    /** Exit status if the program succeeded, but used a recording that is older than allowed. */
    private static final int TOO_OLD = 3;

    private static final int CANNOT_START = 1;
    private static final int NO_SUCH_COMMAND = 127;
    private static final int PATIENCE_SECONDS = 20;
    private static final String END_OF_FLAGS = "--";

    private CassetteCommand() {}

    /** The flags before {@code --}. */
    @Command(
            name = "refrain",
            sortOptions = false,
            description = "Runs a program with a proxy that records what it asks of models, or plays the recordings.",
            footer = {
                "",
                "The program gets OPENAI_BASE_URL, ANTHROPIC_BASE_URL and their like. Other flags and variables are",
                "those of the proxy. The exit status is the program's; 3 if --max-age alone was not kept.",
                "docs/CASSETTES.md has more."
            })
    static final class Flags {
        @Option(names = "--cassettes", required = true, paramLabel = "DIR", description = "Folder of the recordings.")
        Path cassettes;

        @Option(
                names = "--upstream",
                paramLabel = "URL",
                description = "Base URL of the provider to record; demo for the built-in one. Default: the program's"
                        + " OPENAI_BASE_URL and ANTHROPIC_BASE_URL, or OpenAI and Anthropic.")
        String upstream;

        @Option(
                names = "--max-age",
                paramLabel = "DAYS",
                description = "Days after which a recording that is played counts as too old. Default: no limit.")
        Integer maxAge;

        @Option(
                names = "--pace",
                paramLabel = "PACE",
                description = "instant or recorded: how fast streams are played. Default: instant.")
        String pace;

        @Option(names = "--help", usageHelp = true, description = "Print this and exit.")
        boolean help;

        @CommandLine.Unmatched
        List<String> others = new ArrayList<>();
    }

    /** Whether the command line asks for one of these commands. */
    public static boolean isAskedFor(String... arguments) {
        return arguments.length > 0 && mode(arguments[0]) != null;
    }

    private static CassetteMode mode(String name) {
        return Stream.of(CassetteMode.values())
                .filter(mode -> mode.id().equals(name))
                .findFirst()
                .orElse(null);
    }

    /**
     * Runs a program.
     *
     * @param arguments a mode, flags, {@code --}, the program and its arguments
     * @param environment of this process
     * @return the program's exit status; 1 if the proxy could not be started, 2 for a wrong command line, 3 if the
     *     program succeeded with recordings older than {@code --max-age}, 127 if the program could not be started
     */
    @SuppressWarnings("SystemOut")
    public static int run(String[] arguments, Map<String, String> environment, RunningCassettes.Starter proxies) {
        return run(arguments, environment, proxies, System.out, System.err);
    }

    static int run(
            String[] arguments,
            Map<String, String> environment,
            RunningCassettes.Starter proxies,
            PrintStream out,
            PrintStream err) {
        CassetteMode mode = mode(arguments[0]);
        int end = Arrays.asList(arguments).indexOf(END_OF_FLAGS);
        String[] before = Arrays.copyOfRange(arguments, 1, end < 0 ? arguments.length : end);
        List<String> program = end < 0 ? List.of() : List.of(arguments).subList(end + 1, arguments.length);
        Flags flags = new Flags();
        CommandLine commandLine = new CommandLine(flags).setCommandName("refrain " + mode.id());
        try {
            commandLine.parseArgs(before);
        } catch (CommandLine.ParameterException e) {
            err.println("refrain: " + e.getMessage());
            return CommandLine.ExitCode.USAGE;
        }
        if (flags.help) {
            out.println(commandLine.getUsageMessage().replace("[--upstream", "-- COMMAND... [--upstream"));
            return 0;
        }
        if (program.isEmpty()) {
            err.println("refrain: There is no command to run; write it behind --, such as: refrain " + mode.id()
                    + " --cassettes " + flags.cassettes + " -- npm test");
            return CommandLine.ExitCode.USAGE;
        }
        try {
            return run(mode, flags, program, environment, proxies, err);
        } catch (IOException | IllegalStateException | IllegalArgumentException e) {
            String message = String.valueOf(e.getMessage());
            err.println(message.startsWith("refrain: ") ? message : "refrain: " + message);
            return CANNOT_START;
        }
    }

    private static int run(
            CassetteMode mode,
            Flags flags,
            List<String> program,
            Map<String, String> environment,
            RunningCassettes.Starter proxies,
            PrintStream err)
            throws IOException {
        Map<String, String> variables = ProxyVariables.ofProxy(environment, flags.cassettes, mode, flags.upstream);
        if (flags.pace != null) {
            variables.put("REFRAIN_CASSETTE_PACE", flags.pace);
        }
        CountDownLatch finished = new CountDownLatch(1);
        RunningCassettes proxy = proxies.start(flags.others, variables);
        try {
            List<String> others = ProxyVariables.leftAlone(environment, proxy.port(), mode, flags.upstream);
            if (!others.isEmpty()) {
                err.println(
                        "refrain: " + String.join(", ", others) + " of another provider: calls there are not recorded."
                                + " To record that provider, name it with --upstream URL.");
            }
            Map<String, String> told = ProxyVariables.ofProgram(environment, proxy.port(), mode, flags.upstream);
            int status = run(program, told, finished, err);
            proxy.close();
            Summary summary = proxy.cassettes().summary(flags.maxAge == null ? null : Duration.ofDays(flags.maxAge));
            err.println(summary);
            return status == 0 && !summary.outdated().isEmpty() ? TOO_OLD : status;
        } finally {
            proxy.close();
            finished.countDown();
        }
    }

    /** Runs the program with this process's input and output. Ends the program if a signal ends this process. */
    private static int run(
            List<String> program, Map<String, String> variables, CountDownLatch finished, PrintStream err) {
        ProcessBuilder builder = new ProcessBuilder(program).inheritIO();
        builder.environment().putAll(variables);
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            err.println("refrain: " + e.getMessage());
            return NO_SUCH_COMMAND;
        }
        Thread ender = new Thread(() -> end(process, finished), "refrain-program-end");
        Runtime.getRuntime().addShutdownHook(ender);
        try {
            int status = process.waitFor();
            Runtime.getRuntime().removeShutdownHook(ender);
            return status;
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            return CANNOT_START;
        } catch (IllegalStateException ending) {
            // The JVM is shutting down, and the shutdown hook ends the program.
            return CANNOT_START;
        }
    }

    /** Ends the program: SIGTERM, and SIGKILL if it does not stop in time. Then waits for recordings under way. */
    private static void end(Process process, CountDownLatch finished) {
        process.destroy();
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
            finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }
}
