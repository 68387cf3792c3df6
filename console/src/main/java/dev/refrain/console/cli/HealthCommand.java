package dev.refrain.console.cli;

import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** A probe for places without an HTTP client, such as the {@code HEALTHCHECK} of an image without {@code curl}. */
@Command(
        name = "health",
        description = "Asks whether Refrain takes requests and its store is open. The exit status is 0 if so, else 1.")
final class HealthCommand extends AdminCommand {
    private static final int OK = 200;

    @Option(names = "--alive", description = "Ask only whether it runs.")
    private boolean alive;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        int status = admin.probe(alive ? "healthz" : "readyz");
        out().println((alive ? "alive: " : "ready: ") + (status == OK ? "yes" : "no"));
        return status == OK ? 0 : 1;
    }
}
