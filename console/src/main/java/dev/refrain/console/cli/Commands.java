package dev.refrain.console.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * The commands {@code java -jar refrain.jar stats|summary|entries|namespaces|purge|explain|cassettes|health} and
 * {@code export|import}. Used on the main thread of a process.
 */
@Command(
        name = "java -jar refrain.jar",
        description = "Asks a running Refrain through its admin listener, or reads a store.",
        subcommands = {
            StatsCommand.class,
            SummaryCommand.class,
            EntriesCommand.class,
            NamespacesCommand.class,
            PurgeCommand.class,
            ExplainCommand.class,
            CassettesCommand.class,
            HealthCommand.class,
            ExportCommand.class,
            ImportCommand.class
        })
public final class Commands implements Runnable {
    private static final Set<String> NAMES = Set.of(
            "stats", "summary", "entries", "namespaces", "purge", "explain", "cassettes", "health", "export", "import");

    @Spec
    private CommandSpec spec;

    /** The parts of its process that a command may use. */
    static final class Console {
        final InputStream bytes;
        final BufferedReader in;
        final Map<String, String> environment;
        final StoreOpener stores;

        Console(InputStream in, Map<String, String> environment, StoreOpener stores) {
            this.stores = stores;
            this.bytes = in;
            this.in = new BufferedReader(new InputStreamReader(in, Charset.defaultCharset()));
            this.environment = environment;
        }
    }

    /** Whether the command line names one of these commands, rather than starting the server. */
    public static boolean isAskedFor(String... arguments) {
        return arguments.length > 0 && NAMES.contains(arguments[0]);
    }

    /**
     * Runs a command.
     *
     * @param environment environment variables
     * @param stores opens the store for commands that access it directly
     * @return the exit status: 0; 1 if Refrain could not be reached or refused; 2 for a wrong command line
     */
    public static int run(
            String[] arguments,
            Map<String, String> environment,
            StoreOpener stores,
            InputStream in,
            PrintStream stdout,
            PrintStream stderr) {
        PrintWriter out = writer(stdout);
        PrintWriter err = writer(stderr);
        Console console = new Console(in, environment, stores);
        CommandLine.IFactory factory = new CommandLine.IFactory() {
            @Override
            public <K> K create(Class<K> type) throws Exception {
                K command = CommandLine.defaultFactory().create(type);
                if (command instanceof AdminCommand admin) {
                    admin.console = console;
                }
                return command;
            }
        };
        return new CommandLine(new Commands(), factory)
                .setOut(out)
                .setErr(err)
                .setExecutionExceptionHandler((failure, commandLine, parsed) -> {
                    if (failure instanceof IOException
                            || failure instanceof IllegalArgumentException
                            || failure instanceof IllegalStateException) {
                        err.println("refrain: " + failure.getMessage());
                        return CommandLine.ExitCode.SOFTWARE;
                    }
                    throw failure;
                })
                .execute(arguments);
    }

    private static PrintWriter writer(PrintStream stream) {
        return new PrintWriter(new OutputStreamWriter(stream, Charset.defaultCharset()), true);
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "Name a command.");
    }
}
