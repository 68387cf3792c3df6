package dev.refrain.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The alerting rules for Prometheus. promtool runs their own tests, which state what each rule does. */
class AlertRulesIT {
    private static final String NAME = "prometheus-alerts.yaml";
    private static final Path DOCS = Path.of("../docs");
    private static final Path RULES = DOCS.resolve(NAME);
    private static final Path TESTS = Path.of("src/test/resources/prometheus-alerts.test.yaml");
    private static final Pattern METRIC = Pattern.compile("\\brefrain_[a-z0-9_]+");

    @Test
    void eachAlertFiresWhenItShouldAndOnlyThen(@TempDir Path folder) throws Exception {
        Tool.assume("promtool", "prometheus");
        Files.copy(RULES, folder.resolve(NAME));
        Files.copy(TESTS, folder.resolve("test.yaml"));
        Tool.Result checked = Tool.run(folder, "promtool", "check", "rules", NAME);
        assertThat(checked.status()).as(checked.output()).isZero();
        Tool.Result tested = Tool.run(folder, "promtool", "test", "rules", "test.yaml");
        assertThat(tested.status()).as(tested.output()).isZero();
    }

    @Test
    void eachAlertIsTested() throws IOException {
        Set<String> tested = new TreeSet<>();
        new YAMLMapper().readTree(TESTS.toFile()).findParents("alertname").forEach(test -> {
            if (!test.path("exp_alerts").isEmpty()) {
                tested.add(test.path("alertname").asText());
            }
        });
        assertThat(tested).isEqualTo(alerts());
    }

    @Test
    void eachAlertUsesDocumentedMetrics() throws IOException {
        // AdminMetricsTest checks that this page has all metrics.
        String documented = Files.readString(DOCS.resolve("ADMIN.md"));
        assertThat(METRIC.matcher(Files.readString(RULES)).results().map(MatchResult::group))
                .hasSizeGreaterThan(20)
                .allSatisfy(metric -> assertThat(documented)
                        .contains("`" + metric.replaceFirst("(_seconds)_(bucket|count)$", "$1") + "`"));
    }

    @Test
    void eachAlertLinksToInstructions() throws IOException {
        String page = Files.readString(DOCS.resolve("OPERATING.md"));
        JsonNode rules = new YAMLMapper().readTree(RULES.toFile());
        assertThat(rules.findParents("alert")).isNotEmpty().allSatisfy(rule -> {
            String name = rule.path("alert").asText();
            assertThat(page).contains("\n### " + name + "\n");
            assertThat(rule.path("annotations").path("runbook").asText())
                    .isEqualTo("docs/OPERATING.md#" + name.toLowerCase(java.util.Locale.ROOT));
            assertThat(rule.path("labels").path("severity").asText()).isIn("page", "ticket");
        });
    }

    private static Set<String> alerts() throws IOException {
        return new TreeSet<>(new YAMLMapper().readTree(RULES.toFile()).findValuesAsText("alert"));
    }
}
