package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "summary",
        description = "Prints figures of the requests in the log, by model, label, endpoint, policy or namespace.")
final class SummaryCommand extends AdminCommand {
    private static final int NAME = 28;

    @Option(
            names = "--by",
            paramLabel = "WHAT",
            defaultValue = "model",
            description = "model, label, endpoint, policy or namespace. Default: ${DEFAULT-VALUE}.")
    private String by;

    @Option(
            names = "--since",
            paramLabel = "TIME",
            description = "Only requests since then, such as 2026-11-23T05:00:00Z, or 24h, 7d.")
    private String since;

    @Option(names = "--until", paramLabel = "TIME", description = "Only requests before then. Default: now.")
    private String until;

    @Option(
            names = "--sort",
            paramLabel = "WHAT",
            defaultValue = "requests",
            description = "requests, errors, tokens_used, tokens_saved, time_saved, money_spent or money_saved. "
                    + "Default: ${DEFAULT-VALUE}.")
    private String sort;

    @Option(
            names = "--limit",
            paramLabel = "N",
            defaultValue = "20",
            description = "Maximum number of lines. Default: ${DEFAULT-VALUE}.")
    private int limit;

    @Option(names = "--json", description = "Print the figures as JSON.")
    private boolean json;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        JsonNode summary = admin.get("summary"
                + new Query()
                        .with("by", by)
                        .with("since", Query.time(since))
                        .with("until", Query.time(until))
                        .with("sort", sort)
                        .with("limit", limit));
        if (json) {
            out().println(summary.toPrettyString());
        } else {
            print(summary);
        }
        out().flush();
        return 0;
    }

    private void print(JsonNode summary) {
        PrintWriter out = out();
        String currency = summary.path("currency").asText();
        out.printf(
                "%-" + NAME + "s%10s%8s%8s%14s%14s%14s%14s%n",
                by,
                "requests",
                "hits",
                "errors",
                "tokens used",
                "tokens saved",
                "spent " + currency,
                "saved " + currency);
        summary.path("data").forEach(group -> row(out, name(group), group));
        if (summary.path("others").isObject()) {
            row(out, "others", summary.path("others"));
        }
        row(out, "all", summary.path("total"));
        if (!summary.path("next").isNull()) {
            out.println(summary.path("groups").asLong() + " in all; --limit shows more.");
        }
        if (!summary.path("complete").asBoolean()) {
            out.println("The log was read only back to "
                    + summary.path("oldest_at").asText() + ", because its time limit was reached.");
        }
    }

    private static String name(JsonNode group) {
        return group.path("name").isTextual()
                ? Query.printable(group.path("name").asText())
                : "-";
    }

    private static void row(PrintWriter out, String name, JsonNode figures) {
        JsonNode ratio = figures.path("hit_ratio");
        out.printf(
                Locale.ROOT,
                "%-" + NAME + "s%10d%8s%8d%14d%14d%14s%14s%n",
                name,
                figures.at("/requests/total").asLong(),
                ratio.isNumber() ? String.format(Locale.ROOT, "%.1f %%", ratio.asDouble() * 100) : "-",
                figures.at("/requests/errors").asLong(),
                figures.path("tokens_used").asLong(),
                figures.path("tokens_saved").asLong(),
                money(figures, "money_spent"),
                money(figures, "money_saved"));
    }

    /** An amount of money as text; a dash for a zero that only means that no price is known. */
    private static String money(JsonNode figures, String what) {
        double amount = figures.path(what).asDouble();
        return amount == 0 && figures.path("unpriced_tokens").asLong() > 0
                ? "-"
                : String.format(Locale.ROOT, "%.4f", amount);
    }
}
