package dev.refrain.console.cli;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
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

        @Option(names = "--all", description = "All answers.")
        boolean all;

        String query() {
            return key != null
                    ? "key=" + encoded(key)
                    : scope != null
                            ? "scope=" + encoded(scope)
                            : model != null ? "model=" + encoded(model) : "all=true";
        }

        String words() {
            return key != null
                    ? "the answer of the key " + key
                    : scope != null
                            ? "all answers of the scope " + scope
                            : model != null ? "all answers for the model " + model : "all answers";
        }

        private static String encoded(String value) {
            return URLEncoder.encode(value, StandardCharsets.UTF_8);
        }
    }

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        if (!yes) {
            out().print("Remove " + what.words() + "? [y/N] ");
            out().flush();
            String answer = console.in.readLine();
            if (answer == null || !answer.strip().matches("(?i)y|yes")) {
                err().println("Nothing was removed.");
                return NOT_CONFIRMED;
            }
        }
        long removed = admin.delete("entries?" + what.query()).path("removed").asLong();
        out().println(removed == 1 ? "1 answer removed." : removed + " answers removed.");
        return 0;
    }
}
