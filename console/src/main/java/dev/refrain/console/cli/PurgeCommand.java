package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "purge", description = "Removes stored answers.")
final class PurgeCommand extends AdminCommand {
    private static final int NOT_CONFIRMED = 1;

    @ArgGroup(multiplicity = "1")
    private What what;

    @Option(names = "--yes", description = "Do not ask for confirmation.")
    private boolean yes;

    static final class What {
        @Option(names = "--key", paramLabel = "KEY", description = "The answer of a key, as Cache-Status shows it.")
        private String key;

        @Option(names = "--scope", paramLabel = "SCOPE", description = "All answers of an API key, by its label.")
        private String scope;

        @Option(names = "--model", paramLabel = "MODEL", description = "All answers to requests for a model.")
        private String model;

        @Option(names = "--namespace", paramLabel = "NAME", description = "All answers of a namespace.")
        private String namespace;

        @Option(names = "--all", description = "All answers.")
        boolean all;

        Query query() {
            return new Query()
                    .with("key", key)
                    .with("scope", scope)
                    .with("model", model)
                    .with("namespace", namespace)
                    .with("all", all ? "true" : null);
        }

        String words() {
            if (key != null) {
                return "the answer of the key " + key;
            } else if (scope != null) {
                return "all answers of the scope " + scope;
            } else if (model != null) {
                return "all answers for the model " + model;
            }
            return namespace != null ? "all answers of the namespace " + namespace : "all answers";
        }
    }

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        if (!yes) {
            out().print("Remove " + what.words() + " (" + count(admin) + ")? [y/N] ");
            out().flush();
            String answer = console.in.readLine();
            if (answer == null || !answer.strip().matches("(?i)y|yes")) {
                err().println("Nothing was removed.");
                return NOT_CONFIRMED;
            }
        }
        long removed = admin.delete("entries" + what.query()).path("removed").asLong();
        out().println(removed == 1 ? "1 answer removed." : removed + " answers removed.");
        return 0;
    }

    /** How many answers the purge would remove at the moment, in words. */
    private String count(AdminClient admin) throws IOException, InterruptedException {
        JsonNode found = admin.get("entries/count" + what.query());
        long matching = found.path("matching").asLong();
        return (found.path("complete").asBoolean() ? "" : "at least ")
                + (matching == 1 ? "1 answer" : matching + " answers") + ", "
                + Table.bytes(found.path("bytes").asLong());
    }
}
