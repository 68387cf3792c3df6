package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "top",
        description =
                "Shows the figures and the latest requests, again and again, until q or Ctrl-C. Without a terminal it prints them "
                        + "one below the other.")
final class TopCommand extends AdminCommand {
    private static final int ROWS = 10;

    @Option(
            names = "--interval",
            paramLabel = "SECONDS",
            defaultValue = "2",
            description = "Time between two looks. Default: ${DEFAULT-VALUE}.")
    private double seconds;

    @Option(names = "--count", paramLabel = "N", description = "Stop after so many looks.")
    private long count = Long.MAX_VALUE;

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        CountDownLatch quit = new CountDownLatch(1);
        boolean isTerminal = console.bytes == System.in && Terminal.isThere();
        try (Terminal terminal = isTerminal ? Terminal.open(quit::countDown) : null) {
            long before = -1;
            for (long look = 0; look < count; look++) {
                if (look > 0 && quit.await((long) (Math.max(0.1, seconds) * 1000), TimeUnit.MILLISECONDS)) {
                    break;
                }
                JsonNode stats = admin.get("stats");
                JsonNode latest = admin.get("activity?limit=" + ROWS);
                long total = stats.at("/requests/total").asLong();
                String text = Table.of(stats) + rate(before, total) + rows(latest);
                out().print(terminal == null ? text : Terminal.screen(text));
                out().flush();
                before = total;
            }
        }
        return 0;
    }

    private String rate(long before, long total) {
        return before < 0
                ? System.lineSeparator()
                : String.format(
                        Locale.ROOT, "%-16s %.1f a second%n%n", "requests", (total - before) / Math.max(0.1, seconds));
    }

    private static String rows(JsonNode page) {
        StringBuilder rows = new StringBuilder();
        page.path("data")
                .forEach(request -> rows.append(String.format(
                                Locale.ROOT,
                                "%-12s %-9s %-10s %-28.28s %-14.14s %3d %10.3f ms",
                                request.path("created_at")
                                        .asText()
                                        .replaceFirst(".*T", "")
                                        .replace("Z", ""),
                                request.path("cache").asText(),
                                request.path("endpoint").asText(),
                                printable(request.path("model").asText("")),
                                printable(request.path("scope").asText("")),
                                request.path("status").asInt(),
                                request.path("duration_ms").asDouble()))
                        .append(System.lineSeparator()));
        return rows.toString();
    }

    /** A model's name comes from a client and must not steer the terminal. */
    private static String printable(String text) {
        return text.replaceAll("\\p{C}", "?");
    }
}
