package dev.refrain.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import com.marcnuri.helm.TemplateCommand;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.Startup;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Helm's own code renders the chart, and Refrain starts with the result. No cluster runs the chart here. */
class ChartIT {
    private static final Path CHART = Path.of("helm/refrain").toAbsolutePath();
    private static final YAMLMapper YAML = new YAMLMapper();

    @TempDir
    Path folder;

    @BeforeAll
    static void load() {
        boolean isThere;
        try {
            isThere = Helm.version() != null;
        } catch (LinkageError | IllegalStateException e) {
            isThere = false;
        }
        assumeTrue(isThere, "Skipped: Helm's library has no native code for this machine.");
    }

    /** With a token, because otherwise the chart would look one up in a cluster. */
    private static TemplateCommand template() {
        return new Helm(CHART)
                .template()
                .withName("test")
                .withNamespace("apps")
                .withKubeVersion("1.30.0")
                .set("admin.token", "0123456789abcdef");
    }

    /** The rendered documents by kind, and by kind and name. */
    private static Map<String, JsonNode> documents(TemplateCommand command) throws IOException {
        Map<String, JsonNode> documents = new HashMap<>();
        try (MappingIterator<JsonNode> all = YAML.readerFor(JsonNode.class).readValues(command.call())) {
            while (all.hasNext()) {
                JsonNode document = all.next();
                if (document.isObject()) {
                    String kind = document.path("kind").asText();
                    documents.put(kind, document);
                    documents.put(kind + "/" + document.at("/metadata/name").asText(), document);
                }
            }
        }
        return documents;
    }

    private static JsonNode pod(Map<String, JsonNode> documents) {
        return documents.get("StatefulSet").at("/spec/template/spec");
    }

    /** Starts Refrain as the pod would; values that come from a Secret are made up. */
    private Startup start(Map<String, JsonNode> documents) throws IOException {
        JsonNode container = pod(documents).at("/containers/0");
        Map<String, String> environment = new HashMap<>();
        container
                .path("env")
                .forEach(variable -> environment.put(
                        variable.path("name").asText(),
                        variable.path("value")
                                .asText(
                                        variable.path("name").asText().endsWith("_URI")
                                                ? "redis://cache:6379"
                                                : "0123456789abcdef")));
        Path file = folder.resolve("refrain.yaml");
        Files.writeString(
                file, documents.get("ConfigMap").at("/data/refrain.yaml").asText());
        assertThat(container.path("args"))
                .map(JsonNode::asText)
                .containsExactly("--config", "/etc/refrain/refrain.yaml");
        return Startup.parse(new String[] {"--config", file.toString()}, environment);
    }

    private Settings settings(Map<String, JsonNode> documents) throws IOException {
        Startup startup = start(documents);
        assertThat(startup).isInstanceOf(Startup.Run.class);
        return ((Startup.Run) startup).settings();
    }

    @Test
    void helmLintsWithoutComplaint() {
        LintResult result = new Helm(CHART).lint().strict().call();
        assertThat(result.isFailed())
                .as(String.join("\n", result.getMessages()))
                .isFalse();
    }

    @Test
    void refrainStartsWithTheRenderedChart() throws IOException {
        Settings settings = settings(documents(template()));
        assertThat(settings.host()).isEqualTo("0.0.0.0");
        assertThat(settings.port()).isEqualTo(8080);
        assertThat(settings.store()).isEqualTo(Path.of("/data/answers.refrain"));
        assertThat(settings.admin().port()).isEqualTo(8081);
        assertThat(settings.tls().certificate()).isNull();
    }

    /** A value that no template reads, or that was added without a line in these files, is found here. */
    @Test
    void eachValueReachesADocument() throws IOException {
        Set<String> unchanged =
                leaves("", YAML.readTree(CHART.resolve("values.yaml").toFile()));
        for (String name : List.of("values-one.yaml", "values-other.yaml")) {
            Path file = Path.of("src/test/resources", name).toAbsolutePath();
            JsonNode values = YAML.readTree(file.toFile());
            TemplateCommand command = new Helm(CHART)
                    .template()
                    .withName("test")
                    .withNamespace("apps")
                    .withKubeVersion("1.30.0")
                    .withValuesFile(file);
            String text = documents(command).values().toString();
            for (String leaf : leaves("", values)) {
                JsonNode value = values.at(leaf);
                if (value.isTextual() && !leaf.equals("/admin/token")) {
                    assertThat(text).as(leaf).contains(value.asText());
                }
                // A value that is empty by default, such as a map, is changed if this file has a member of it.
                unchanged.removeIf(each -> leaf.equals(each) || leaf.startsWith(each + "/"));
            }
            assertThat(settings(documents(command)).capacity()).isNotNull();
        }
        assertThat(unchanged).isEmpty();
    }

    private static Set<String> leaves(String at, JsonNode values) {
        Set<String> leaves = new TreeSet<>();
        if (values.isEmpty()) {
            leaves.add(at);
        }
        values.properties().forEach(each -> leaves.addAll(leaves(at + "/" + each.getKey(), each.getValue())));
        for (int i = 0; values.isArray() && i < values.size(); i++) {
            leaves.addAll(leaves(at + "/" + i, values.get(i)));
        }
        return leaves;
    }

    @Test
    void aTokenReachesItsSecretAndADigestGoesBeforeATag() throws IOException {
        assertThat(documents(template()).get("Secret").at("/data/token").asText())
                .isEqualTo(Base64.getEncoder().encodeToString("0123456789abcdef".getBytes(StandardCharsets.UTF_8)));
        String digest = "sha256:" + "0".repeat(64);
        JsonNode pod = pod(documents(template().set("image.digest", digest).set("image.tag", "v9")));
        assertThat(pod.at("/containers/0/image").asText()).isEqualTo("refrain@" + digest);
    }

    @Test
    void settingsTlsAndTheSharedTierReachRefrain() throws IOException {
        Map<String, JsonNode> documents = documents(template()
                .set("settings.upstream", "https://openrouter.ai/api/v1")
                .set("settings.cache.default", "on")
                .set("tls.existingSecret", "certificate")
                .set("shared.uri", "redis://cache:6379")
                .set("shared.existingSecret", "cluster"));
        Settings settings = settings(documents);
        assertThat(settings.upstream()).hasToString("https://openrouter.ai/api/v1");
        assertThat(settings.tls().certificate()).isEqualTo(Path.of("/etc/refrain/tls/tls.crt"));
        assertThat(pod(documents).path("volumes").findValuesAsText("secretName"))
                .containsExactlyInAnyOrder("certificate", "cluster");
        assertThat(documents
                        .get("Service/test-refrain")
                        .at("/spec/ports/0/name")
                        .asText())
                .isEqualTo("https");
    }

    @Test
    void aPasswordOfTheSharedTierStaysInItsSecret() throws IOException {
        JsonNode pod =
                pod(documents(template().set("shared.existingSecret", "cluster").set("shared.uriKey", "uri")));
        JsonNode uri = null;
        for (JsonNode variable : pod.at("/containers/0/env")) {
            if (variable.path("name").asText().equals("REFRAIN_SHARED_URI")) {
                uri = variable;
            }
        }
        assertThat(uri).isNotNull();
        assertThat(uri.has("value")).isFalse();
        assertThat(uri.at("/valueFrom/secretKeyRef/name").asText()).isEqualTo("cluster");
        assertThat(uri.at("/valueFrom/secretKeyRef/key").asText()).isEqualTo("uri");
        TemplateCommand inClear = template()
                .set("shared.existingSecret", "cluster")
                .set("shared.uri", "redis://user:password@cache:6379");
        assertThatThrownBy(inClear::call).hasMessageContaining("uri");
    }

    @Test
    void aNewTokenReplacesThePods() throws IOException {
        String annotation = "/spec/template/metadata/annotations/checksum~1token";
        String one = documents(template()).get("StatefulSet").at(annotation).asText();
        String other = documents(template().set("admin.token", "fedcba9876543210"))
                .get("StatefulSet")
                .at(annotation)
                .asText();
        assertThat(one).hasSize(8).isNotEqualTo(other);
    }

    @Test
    void thePodHasFewRights() throws IOException {
        JsonNode pod = pod(documents(template()));
        assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
        assertThat(pod.at("/securityContext/runAsUser").asInt()).isEqualTo(65532);
        assertThat(pod.path("automountServiceAccountToken").asBoolean(true)).isFalse();
        JsonNode container = pod.at("/containers/0");
        assertThat(container.at("/securityContext/readOnlyRootFilesystem").asBoolean())
                .isTrue();
        assertThat(container.at("/securityContext/allowPrivilegeEscalation").asBoolean(true))
                .isFalse();
        assertThat(container.at("/securityContext/capabilities/drop/0").asText())
                .isEqualTo("ALL");
        assertThat(container.at("/resources/limits/memory").asText()).isEqualTo("512Mi");
        assertThat(container.at("/livenessProbe/httpGet/path").asText()).isEqualTo("/healthz");
        assertThat(container.at("/readinessProbe/httpGet/path").asText()).isEqualTo("/readyz");
    }

    @Test
    void theStoreOutlivesThePodUnlessToldOtherwise() throws IOException {
        assertThat(documents(template())
                        .get("StatefulSet")
                        .at("/spec/volumeClaimTemplates/0/metadata/name")
                        .asText())
                .isEqualTo("answers");
        Map<String, JsonNode> documents = documents(template().set("persistence.enabled", false));
        assertThat(documents.get("StatefulSet").at("/spec/volumeClaimTemplates").isMissingNode())
                .isTrue();
        assertThat(pod(documents).path("volumes").findValuesAsText("name")).contains("answers");
    }

    @Test
    void prometheusGetsTheRulesOfTheDocuments() throws IOException {
        Map<String, JsonNode> documents =
                documents(template().set("prometheusRule.enabled", true).set("serviceMonitor.enabled", true));
        assertThat(documents.get("PrometheusRule").path("spec"))
                .isEqualTo(
                        YAML.readTree(Path.of("../docs/prometheus-alerts.yaml").toFile()));
        assertThat(documents.get("ServiceMonitor").at("/spec/endpoints/0/port").asText())
                .isEqualTo("admin");
        assertThat(documents(template())).doesNotContainKeys("PrometheusRule", "ServiceMonitor");
    }

    @Test
    void anUnknownValueIsRefused() {
        TemplateCommand misspelt = template().set("persistance.enabled", false);
        assertThatThrownBy(misspelt::call).hasMessageContaining("persistance");
        TemplateCommand shared = template().set("shared.uri", "redis://cache:6379");
        assertThatThrownBy(shared::call).hasMessageContaining("shared.existingSecret");
    }

    @Test
    void anUnknownSettingEndsTheStart() throws IOException {
        Startup startup = start(documents(template().set("settings.capcity", "2GiB")));
        assertThat(startup).isInstanceOf(Startup.Exit.class);
        assertThat(((Startup.Exit) startup).text()).contains("capacity");
    }

    @Test
    void itsVersionIsTheProgramsVersion() throws IOException {
        JsonNode chart = YAML.readTree(CHART.resolve("Chart.yaml").toFile());
        String version = System.getProperty("refrain.version");
        assertThat(chart.path("appVersion").asText()).isEqualTo(version);
        assertThat(List.of(version, version.replace("-SNAPSHOT", "")))
                .contains(chart.path("version").asText());
    }
}
