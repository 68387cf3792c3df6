package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "entries", description = "Lists what is stored, without the answers themselves.")
final class EntriesCommand extends AdminCommand {
    @Option(
            names = "--search",
            paramLabel = "TEXT",
            description = "The beginning of a key, a part of a model's name or of a label, or a namespace.")
    private String search;

    @Option(names = "--model", paramLabel = "MODEL", description = "Answers to requests for a model.")
    private String model;

    @Option(names = "--scope", paramLabel = "SCOPE", description = "Answers of an API key, by its label.")
    private String scope;

    @Option(names = "--namespace", paramLabel = "NAME", description = "Answers of a namespace.")
    private String namespace;

    @Option(
            names = "--sort",
            paramLabel = "WHAT",
            defaultValue = "stored",
            description = "stored, expires, size, hits or tokens. Default: ${DEFAULT-VALUE}.")
    private String sort;

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            defaultValue = "desc",
            description = "desc or asc. Default: ${DEFAULT-VALUE}.")
    private String order;

    @Option(
            names = "--limit",
            paramLabel = "N",
            defaultValue = "20",
            description = "Maximum number of lines, up to 200. Default: ${DEFAULT-VALUE}.")
    private int limit;

    @Option(names = "--json", description = "Print the list as JSON.")
    private boolean json;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        JsonNode page = admin.get("entries"
                + new Query()
                        .with("search", search)
                        .with("model", model)
                        .with("scope", scope)
                        .with("namespace", namespace)
                        .with("sort", sort)
                        .with("order", order)
                        .with("limit", limit));
        if (json) {
            out().println(page.toPrettyString());
        } else {
            print(page);
        }
        out().flush();
        return 0;
    }

    private void print(JsonNode page) {
        PrintWriter out = out();
        out.printf(
                "%-14s%-28s%-18s%-18s%10s%6s%10s%12s%12s%n",
                "key", "model", "scope", "namespace", "size", "hits", "tokens", "age", "left");
        for (JsonNode entry : page.path("data")) {
            out.printf(
                    Locale.ROOT,
                    "%-14s%-28s%-18s%-18s%10s%6s%10d%12s%12s%n",
                    entry.path("key").asText().substring(0, 12),
                    text(entry, "model"),
                    text(entry, "scope"),
                    text(entry, "namespace"),
                    Table.bytes(entry.path("bytes").asLong()),
                    text(entry, "hits"),
                    entry.path("tokens_saved").asLong(),
                    time(entry.path("age_seconds").asLong()),
                    entry.path("ttl_seconds").asLong() > 0
                            ? time(entry.path("ttl_seconds").asLong())
                            : "expired");
        }
        out.println((page.path("complete").asBoolean() ? "" : "At least ")
                + page.path("matching").asLong() + " answers, "
                + Table.bytes(page.path("bytes").asLong())
                + (page.path("next").isNull() ? "." : "; --limit shows more."));
    }

    private static String text(JsonNode entry, String name) {
        JsonNode value = entry.path(name);
        return value.isNull() || value.isMissingNode() ? "-" : Query.printable(value.asText());
    }

    private static String time(long seconds) {
        Duration time = Duration.ofSeconds(seconds);
        return time.toDays() > 1 ? time.toDays() + "d " + time.toHoursPart() + "h" : Table.duration(seconds * 1000);
    }
}
