package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** {@code /metrics}: its figures, its formats, and the files that use them. */
class AdminMetricsTest extends AdminTest {
    private static final Path PROMTOOL = Path.of("/usr/bin/promtool");
    private static final Path DASHBOARD = Path.of("../docs/grafana-dashboard.json");
    private static final Path ADMIN = Path.of("../docs/ADMIN.md");
    private static final Pattern SERIES =
            Pattern.compile("(?m)^([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{[^}]*\\})? (-?[0-9.]+(?:E-?[0-9]+)?|NaN|\\+Inf)$");

    private String scrape() {
        return ask("GET", "/metrics", null).body();
    }

    private static double value(String text, String series) {
        Matcher line =
                Pattern.compile("(?m)^" + Pattern.quote(series) + " (\\S+)$").matcher(text);
        assertThat(line.find()).as(series).isTrue();
        return Double.parseDouble(line.group(1));
    }

    private static Set<String> names(String text) {
        Set<String> names = new TreeSet<>();
        Matcher line = SERIES.matcher(text);
        while (line.find()) {
            names.add(line.group(1));
        }
        return names;
    }

    @Test
    void countersAreShown() {
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.cached(CHAT, CHAT_REQUEST);
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 503, "{}"));
        proxy.send(proxy.post(CHAT, CHAT_REQUEST));
        // The log's thread fills the histograms; a query of the log does so, too.
        proxy.activity(3);

        String text = scrape();
        assertThat(value(text, "refrain_requests_total{endpoint=\"chat\",outcome=\"hit\"}"))
                .isEqualTo(1);
        assertThat(value(text, "refrain_requests_total{endpoint=\"chat\",outcome=\"miss\"}"))
                .isEqualTo(1);
        assertThat(value(text, "refrain_requests_total{endpoint=\"chat\",outcome=\"off\"}"))
                .isEqualTo(1);
        assertThat(value(text, "refrain_requests_total{endpoint=\"messages\",outcome=\"hit\"}"))
                .isZero();
        assertThat(value(text, "refrain_request_errors_total{endpoint=\"chat\"}"))
                .isEqualTo(1);
        assertThat(value(text, "refrain_request_duration_seconds_count{endpoint=\"chat\",outcome=\"hit\"}"))
                .isEqualTo(1);
        assertThat(value(
                        text, "refrain_request_duration_seconds_bucket{endpoint=\"chat\",outcome=\"hit\",le=\"+Inf\"}"))
                .isEqualTo(1);
        assertThat(value(text, "refrain_upstream_errors_total{reason=\"server-error\"}"))
                .isEqualTo(1);
        assertThat(value(text, "refrain_saved_tokens_total")).isEqualTo(21);
        assertThat(value(text, "refrain_response_bytes_total")).isPositive();
        assertThat(value(text, "refrain_cache_lookups_total{endpoint=\"chat\",result=\"hit\"}"))
                .isEqualTo(1);
        assertThat(value(text, "refrain_store_entries")).isEqualTo(1);
        assertThat(names(text))
                .contains("refrain_store_evictions_total", "jvm_memory_used_bytes", "process_uptime_seconds");
        assertThat(text).doesNotContain("sk-test", "acme/large");
    }

    @Test
    void theFormatFollowsTheAcceptHeader() {
        HttpResponse<String> text = ask("GET", "/metrics", null);
        assertThat(header(text, "Content-Type")).isEqualTo("text/plain; version=0.0.4; charset=utf-8");
        assertThat(text.body()).doesNotContain("# EOF");
        HttpResponse<String> open = proxy.send(admin("GET", "/metrics", null)
                .header("Accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2"));
        assertThat(header(open, "Content-Type")).startsWith("application/openmetrics-text; version=1.0.0");
        assertThat(open.body()).endsWith("# EOF\n");
    }

    @Test
    void prometheusFindsNothingToComplainOf() throws Exception {
        Assumptions.assumeTrue(
                Files.isExecutable(PROMTOOL), "Skipped: there is no " + PROMTOOL + " (package prometheus).");
        proxy.cached(CHAT, CHAT_REQUEST);
        proxy.cached(CHAT, CHAT_REQUEST);
        Process promtool = new ProcessBuilder(PROMTOOL.toString(), "check", "metrics")
                .redirectErrorStream(true)
                .start();
        promtool.getOutputStream().write(scrape().getBytes(StandardCharsets.UTF_8));
        promtool.getOutputStream().close();
        String said = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(promtool.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(said).isEmpty();
        assertThat(promtool.exitValue()).isZero();
    }

    @Test
    void theGrafanaDashboardUsesExistingMetrics() throws IOException {
        JsonNode dashboard = JSON.readTree(DASHBOARD.toFile());
        Set<String> asked = new TreeSet<>();
        dashboard.findValuesAsText("expr").forEach(query -> {
            Matcher name = Pattern.compile("\\b(refrain|jvm|process|system)_[a-z0-9_]+")
                    .matcher(query);
            assertThat(name.find()).as(query).isTrue();
            do {
                asked.add(name.group());
            } while (name.find());
        });
        assertThat(asked).hasSizeGreaterThan(12);
        assertThat(names(scrape())).containsAll(asked);
        assertThat(dashboard.path("title").asText()).isEqualTo("Refrain");
        assertThat(dashboard.findValuesAsText("uid")).contains("${datasource}");
    }

    @Test
    void theDocumentationNamesEachOfOurMetrics() throws IOException {
        String documented = Files.readString(ADMIN);
        assertThat(names(scrape()))
                .filteredOn(name -> name.startsWith("refrain_"))
                .map(name -> name.replaceFirst("(_seconds)_(count|sum|bucket|max)$", "$1"))
                .allSatisfy(name -> assertThat(documented).contains("`" + name + "`"));
    }
}
