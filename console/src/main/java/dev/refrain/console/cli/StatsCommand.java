package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "stats", description = "Prints what was counted since the start.")
final class StatsCommand extends AdminCommand {
    @Option(names = "--json", description = "Print the figures as JSON.")
    private boolean json;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        JsonNode stats = admin.get("stats");
        out().print(json ? stats.toPrettyString() + System.lineSeparator() : Table.of(stats));
        out().flush();
        return 0;
    }
}
