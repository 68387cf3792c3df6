package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "cassettes", description = "Prints what was recorded, played and missing so far.")
final class CassettesCommand extends AdminCommand {
    @Option(names = "--json", description = "Print the figures as JSON.")
    private boolean json;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        JsonNode summary = admin.get("cassettes");
        out().println(
                        json
                                ? summary.toPrettyString()
                                : printable(summary.path("text").asText()));
        return 0;
    }

    /** As {@link Query#printable}, but keeps line feeds. */
    private static String printable(String text) {
        return text.replaceAll("[\\p{C}&&[^\\n]]", "?");
    }
}
