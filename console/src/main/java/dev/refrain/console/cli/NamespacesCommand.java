package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "namespaces", description = "Lists the namespaces in which something is stored.")
final class NamespacesCommand extends AdminCommand {
    @Option(names = "--json", description = "Print the list as JSON.")
    private boolean json;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        JsonNode list = admin.get("namespaces");
        if (json) {
            out().println(list.toPrettyString());
            return 0;
        }
        for (JsonNode namespace : list.path("data")) {
            out().printf(
                            "%-64s %10d%n",
                            namespace.path("namespace").asText().replaceAll("\\p{C}", "?"),
                            namespace.path("entries").asLong());
        }
        if (list.path("data").isEmpty()) {
            out().println("Nothing is stored in any namespace.");
        }
        out().flush();
        return 0;
    }
}
