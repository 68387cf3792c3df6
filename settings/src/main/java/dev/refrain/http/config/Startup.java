package dev.refrain.http.config;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The result of parsing the command line: run with settings, or print a text and exit. */
public sealed interface Startup {
    /**
     * Run.
     *
     * @param settings never null
     */
    record Run(Settings settings) implements Startup {}

    /**
     * Print and exit.
     *
     * @param status exit status; the text belongs on standard output if it is 0 and on standard error otherwise
     * @param text what to print, without a line end
     */
    record Exit(int status, String text) implements Startup {}

    /** The command that checks settings. */
    String CHECK = "check";

    /** The flag that prints settings. */
    String PRINT = "--print-config";

    /**
     * Parses the command line, and reads the settings that it names.
     *
     * @param arguments as passed to {@code main}
     * @param environment environment variables; those that start with {@code REFRAIN_} are read
     */
    static Startup parse(String[] arguments, Map<String, String> environment) {
        boolean isCheck = arguments.length > 0 && arguments[0].equals(CHECK);
        return parse(isCheck ? Arrays.copyOfRange(arguments, 1, arguments.length) : arguments, environment, isCheck);
    }

    /**
     * Reads again the settings that a command line names.
     *
     * @throws WrongSettings if they cannot be used
     */
    static Settings read(String[] arguments, Map<String, String> environment) throws WrongSettings {
        return SettingsReader.read(flags(commandLine().parseArgs(arguments)), environment)
                .settings();
    }

    private static Map<String, String> flags(ParseResult result) {
        Map<String, String> flags = new HashMap<>();
        for (OptionSpec option : result.matchedOptions()) {
            if (option.type() == String.class) {
                flags.put(option.longestName(), option.getValue());
            }
        }
        return flags;
    }

    private static Startup parse(String[] arguments, Map<String, String> environment, boolean isCheck) {
        CommandLine commandLine = commandLine();
        try {
            ParseResult result = commandLine.parseArgs(arguments);
            if (result.isUsageHelpRequested()) {
                return new Exit(0, commandLine.getUsageMessage().stripTrailing());
            }
            if (result.isVersionHelpRequested()) {
                return new Exit(0, "refrain " + version());
            }
            SettingsReader.Loaded loaded = SettingsReader.read(flags(result), environment);
            if (isCheck) {
                UsedFiles.check(loaded.settings());
                return new Exit(0, "The settings are in order.");
            }
            return result.hasMatchedOption(PRINT)
                    ? new Exit(0, Printed.of(loaded.values()))
                    : new Run(loaded.settings());
        } catch (CommandLine.UnmatchedArgumentException e) {
            // Cut at the equals sign: the value may be a secret meant for another program.
            String flag = e.getUnmatched().get(0).split("=", 2)[0];
            return wrong(WrongSetting.unknown(
                    flag,
                    "command line",
                    new TreeSet<>(commandLine.getCommandSpec().optionsMap().keySet())));
        } catch (CommandLine.MissingParameterException e) {
            OptionSpec flag = (OptionSpec) e.getMissing().get(0);
            return wrong(WrongSetting.value(flag.longestName(), "", "flag", "followed by " + flag.paramLabel()));
        } catch (CommandLine.OverwrittenOptionException e) {
            String flag = ((OptionSpec) e.getOverwritten()).longestName();
            return wrong(WrongSetting.value(flag, "given twice", "flag", "given once"));
        } catch (CommandLine.ParameterException e) {
            // The only case left: a value for a flag that takes none.
            String flag = e.getArgSpec() instanceof OptionSpec option ? option.longestName() : "command line";
            return wrong(WrongSetting.value(flag, String.valueOf(e.getValue()), "flag", "given without a value"));
        } catch (WrongSettings e) {
            String faults =
                    e.faults().stream().map(fault -> "refrain: " + fault).collect(Collectors.joining("\n"));
            return new Exit(isCheck ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.USAGE, faults);
        }
    }

    /** Loads the classes that read settings, to warm up a start. */
    static void preload() throws WrongSettings {
        SettingsReader.read(Map.of(), Map.of());
    }

    private static Exit wrong(WrongSetting setting) {
        return new Exit(CommandLine.ExitCode.USAGE, "refrain: " + setting.getMessage());
    }

    private static CommandLine commandLine() {
        CommandSpec spec = CommandSpec.create().name("java -jar refrain.jar");
        spec.usageMessage()
                .description("A response cache in front of any OpenAI- or Anthropic-compatible provider.")
                .footer(
                        "",
                        "The command check, before these options, checks the settings and starts nothing.",
                        "The commands stats, summary, entries, namespaces, purge, explain, cassettes and",
                        "health ask a running Refrain; export and import move stored answers; record,",
                        "replay, record-missing and refresh run a program. Each has a --help.",
                        "",
                        "A setting can also come from a variable, such as REFRAIN_PORT, or from the file;",
                        "docs/refrain.example.yaml lists them all. Flags beat variables, which beat the",
                        "file.")
                .sortOptions(false);
        spec.addOption(OptionSpec.builder("--config")
                .paramLabel("FILE")
                .type(String.class)
                .description("YAML file with settings. Default: none.")
                .build());
        for (Leaf leaf : Leaf.ALL) {
            if (leaf.hasFlag()) {
                String byDefault = leaf.about().value().isEmpty()
                        ? ""
                        : " Default: " + leaf.about().value() + ".";
                spec.addOption(OptionSpec.builder(leaf.flag())
                        .paramLabel(leaf.about().flag())
                        .type(String.class)
                        .description(leaf.about().help() + byDefault)
                        .build());
            }
        }
        spec.addOption(OptionSpec.builder(PRINT)
                .type(boolean.class)
                .description("Print the settings in force and where each comes from, and exit.")
                .build());
        spec.addOption(OptionSpec.builder("--help")
                .usageHelp(true)
                .description("Print this and exit.")
                .build());
        spec.addOption(OptionSpec.builder("--version")
                .versionHelp(true)
                .description("Print the version and exit.")
                .build());
        return new CommandLine(spec).setExpandAtFiles(false);
    }

    private static String version() {
        return Optional.ofNullable(Startup.class.getPackage().getImplementationVersion())
                .orElse("(development build)");
    }
}
