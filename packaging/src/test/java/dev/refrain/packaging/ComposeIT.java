package dev.refrain.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.Startup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Checks of Dockerfile and docker-compose.yaml that need no Docker: Refrain must start with the command lines and the
 * variables in them.
 */
class ComposeIT {
    private static final Path DOCKER = Path.of("docker");
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Z_]+)(:-([^}]*)|:\\?[^}]*)?}");
    private static final Pattern ENV = Pattern.compile("([A-Z_]+)=(\"[^\"]*\"|\\S+)");

    private static JsonNode compose() throws IOException {
        return new YAMLMapper().readTree(DOCKER.resolve("docker-compose.yaml").toFile());
    }

    /** Substitutes variables like docker compose. */
    private static String filled(String text, Map<String, String> shell) {
        return VARIABLE.matcher(text).replaceAll(found -> {
            String value = shell.getOrDefault(found.group(1), found.group(3) == null ? "" : found.group(3));
            return Matcher.quoteReplacement(value);
        });
    }

    private static Map<String, String> imageEnvironment() throws IOException {
        Map<String, String> environment = new HashMap<>();
        String dockerfile = Files.readString(DOCKER.resolve("Dockerfile"));
        String env = dockerfile.substring(dockerfile.indexOf("\nENV "), dockerfile.indexOf("\nEXPOSE"));
        ENV.matcher(env)
                .results()
                .forEach(found -> environment.put(found.group(1), found.group(2).replace("\"", "")));
        return environment;
    }

    private static Settings settings(Map<String, String> environment) {
        Startup startup = Startup.parse(new String[0], environment);
        assertThat(startup).isInstanceOf(Startup.Run.class);
        return ((Startup.Run) startup).settings();
    }

    @Test
    void theImageStartsByItself() throws IOException {
        Settings settings = settings(imageEnvironment());
        assertThat(settings.host()).isEqualTo("0.0.0.0");
        assertThat(settings.store()).isEqualTo(Path.of("/data/answers.refrain"));
    }

    @Test
    void refrainStartsWithTheVariablesOfCompose() throws IOException {
        Map<String, String> environment = imageEnvironment();
        Map<String, String> shell =
                Map.of("REFRAIN_ADMIN_TOKEN", "0123456789abcdef", "REFRAIN_UPSTREAM", "https://openrouter.ai/api/v1");
        compose()
                .at("/services/refrain/environment")
                .properties()
                .forEach(variable -> environment.put(
                        variable.getKey(), filled(variable.getValue().asText(), shell)));
        Settings settings = settings(environment);
        assertThat(settings.admin().host()).isEqualTo("0.0.0.0");
        assertThat(settings.capacity()).hasToString("1GiB");
    }

    @Test
    void nothingIsOpenToOtherMachines() throws IOException {
        compose()
                .path("services")
                .forEach(service -> service.path("ports")
                        .forEach(port -> assertThat(port.asText()).startsWith("127.0.0.1:")));
        assertThat(compose().at("/services/refrain/read_only").asBoolean()).isTrue();
    }

    @Test
    void onlyRefrainStartsWithoutAProfile() throws IOException {
        Map<String, String> profiles = new HashMap<>();
        compose()
                .path("services")
                .properties()
                .forEach(service -> profiles.put(
                        service.getKey(),
                        service.getValue().path("profiles").path(0).asText("")));
        assertThat(profiles)
                .isEqualTo(
                        Map.of("refrain", "", "redis", "redis", "prometheus", "monitoring", "grafana", "monitoring"));
    }

    @Test
    void mountedFilesExist() throws IOException {
        TreeSet<String> missing = new TreeSet<>();
        compose()
                .path("services")
                .forEach(service -> service.path("volumes").forEach(volume -> {
                    String source = volume.asText().split(":", 2)[0];
                    if (source.startsWith(".") && !Files.isRegularFile(DOCKER.resolve(source))) {
                        missing.add(source);
                    }
                }));
        assertThat(missing).isEmpty();
    }

    @Test
    void theFilesOfPrometheusCanBeRead() throws Exception {
        Tool.assume("promtool", "prometheus");
        Path configuration = DOCKER.resolve("monitoring/prometheus.yaml").toAbsolutePath();
        Tool.Result checked = Tool.run(
                configuration.getParent(), "promtool", "check", "config", "--syntax-only", configuration.toString());
        assertThat(checked.status()).as(checked.output()).isZero();
    }

    @Test
    void theBaseOfTheImageIsNamedByItsDigest() throws IOException {
        List<String> bases = Files.readAllLines(DOCKER.resolve("Dockerfile")).stream()
                .filter(line -> line.startsWith("ARG BASE="))
                .toList();
        assertThat(bases).singleElement().asString().containsPattern("@sha256:[0-9a-f]{64}$");
    }
}
