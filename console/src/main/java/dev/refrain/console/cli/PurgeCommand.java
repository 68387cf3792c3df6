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

        @Option(names = "--namespace", paramLabel = "NAME", description = "All answers of a namespace.")
        private String namespace;

        @Option(names = "--all", description = "All answers.")
        boolean all;

        String query() {
            if (key != null) {
                return "key=" + encoded(key);
            } else if (scope != null) {
                return "scope=" + encoded(scope);
            } else if (model != null) {
                return "model=" + encoded(model);
            }
            return namespace != null ? "namespace=" + encoded(namespace) : "all=true";
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
