package dev.refrain.console.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Base of all commands: the URL of the admin listener and the token. */
abstract class AdminCommand implements Callable<Integer> {
    @Option(
            names = "--admin",
            paramLabel = "URL",
            defaultValue = "http://127.0.0.1:8081",
            description = "Where the admin listener is. Default: ${DEFAULT-VALUE}.")
    private String url;

    @Option(
            names = "--token",
            paramLabel = "TOKEN",
            description = "The value of admin.token, if one is set. Better in the variable REFRAIN_ADMIN_TOKEN, since "
                    + "others can see command lines.")
    private String token;

    @Option(names = "--help", usageHelp = true, description = "Print this and exit.")
    boolean help;

    @Spec
    private CommandSpec spec;

    Commands.Console console;

    @Override
    public Integer call() throws IOException, InterruptedException {
        String secret = token != null ? token : console.environment.getOrDefault("REFRAIN_ADMIN_TOKEN", "");
        return ask(new AdminClient(url, secret));
    }

    /** Carries the command out, and returns the exit status. */
    abstract int ask(AdminClient admin) throws IOException, InterruptedException;

    PrintWriter out() {
        return spec.commandLine().getOut();
    }

    PrintWriter err() {
        return spec.commandLine().getErr();
    }
}
