package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.refrain.cassettes.CassetteCommand;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The recipes of docs/CASSETTES.md: suites in other languages are recorded, then played without their provider. Each
 * test is skipped if its tool is not installed.
 */
class CassetteRecipesTest {
    private static final Path NODE = Path.of("src/test/node");
    private static final String DOCUMENT = """
            {"id":"c-1","object":"chat.completion","created":1,"model":"demo","choices":[{"index":0,"message":\
            {"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}""";
    private static final String[] STREAM = {
        "data: {\"id\":\"c-2\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n",
        "data: {\"id\":\"c-2\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n"
    };

    @TempDir
    Path folder;

    private static boolean runs(String... command) {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Runs a program. Its output goes to a file, because the test runner reads this process's own output. */
    private int run(String mode, Map<String, String> environment, String program) {
        String[] arguments = {
            mode, "--cassettes", recordings().toString(), "--", "sh", "-c", program + " >" + folder + "/out 2>&1"
        };
        return CassetteCommand.run(arguments, environment, RecordingProxy::start);
    }

    private Path recordings() {
        return folder.resolve("recordings");
    }

    private void isRecordedAndPlayed(String program) throws IOException {
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.keySet().removeIf(name -> name.startsWith("REFRAIN_") || name.startsWith("OPENAI_"));
        // Without the provider, only a recording can answer.
        Files.createDirectories(recordings());
        assertThat(run("replay", environment, program)).isNotZero();
        int calls;
        try (ScriptedProvider provider = new ScriptedProvider()) {
            provider.does((exchange, request) -> {
                if (request.body().replace(" ", "").contains("\"stream\":true")) {
                    ScriptedProvider.stream(exchange, STREAM);
                } else {
                    ScriptedProvider.json(exchange, 200, DOCUMENT);
                }
            });
            URI base = provider.base();
            environment.put("OPENAI_BASE_URL", base.toString());
            environment.put("OPENAI_API_KEY", "sk-of-the-recording");
            assertThat(run("record", environment, "OPENAI_API_KEY=sk-of-the-recording " + program))
                    .as(Files.readString(folder.resolve("out")))
                    .isZero();
            calls = provider.calls();
        }
        assertThat(calls).isEqualTo(2);
        environment.remove("OPENAI_BASE_URL");
        environment.remove("OPENAI_API_KEY");
        assertThat(run("replay", environment, program)).isZero();
        try (Stream<Path> files = Files.list(recordings())) {
            for (Path file : files.toList()) {
                assertThat(Files.readString(file)).doesNotContain("sk-of-the-recording");
            }
        }
    }

    /** Reads the document's workflow as GitHub would, and runs its commands. */
    @Test
    void gitHubActions() throws IOException {
        String document = Files.readString(Path.of("../docs/CASSETTES.md"));
        Matcher block = Pattern.compile("(?s)```yaml\n(.*?)```")
                .matcher(document.substring(document.indexOf("## GitHub Actions")));
        YAMLMapper yaml = new YAMLMapper();
        assertThat(block.find()).isTrue();
        JsonNode workflow = yaml.readTree(block.group(1));
        assertThat(workflow.fieldNames()).toIterable().containsExactly("name", "on", "jobs");
        JsonNode job = workflow.path("jobs").path("test");
        assertThat(job.path("runs-on").asText()).startsWith("ubuntu-");
        List<JsonNode> steps = new ArrayList<>();
        job.path("steps").forEach(steps::add);
        assertThat(block.find()).isTrue();
        JsonNode scheduled = yaml.readTree(block.group(1));
        assertThat(scheduled.path("on").path("schedule").get(0).path("cron").asText())
                .matches("([0-9*]+ ){4}[0-9*]+");
        scheduled.path("jobs").path("refresh").path("steps").forEach(steps::add);
        Path suite = Files.writeString(folder.resolve("npm"), "#!/bin/sh\necho \"$OPENAI_BASE_URL\" >>\"$0.ran\"\n");
        Files.setPosixFilePermissions(suite, PosixFilePermissions.fromString("rwx------"));
        Files.createDirectories(folder.resolve("test/cassettes"));
        List<String> modes = new ArrayList<>();
        for (JsonNode step : steps) {
            assertThat(step.has("run") || step.path("uses").asText().matches("actions/[a-z-]+@v[0-9]+"))
                    .as("%s", step)
                    .isTrue();
            String[] words = step.path("run").asText().split(" ");
            if (words[0].equals("java")) {
                assertThat(words).startsWith("java", "-jar", "refrain.jar").endsWith("--", "npm", "test");
                List<String> arguments = new ArrayList<>(List.of(words).subList(3, words.length));
                arguments.replaceAll(word -> word.equals("npm")
                        ? suite.toString()
                        : word.equals("test/cassettes") ? folder.resolve(word).toString() : word);
                Map<String, String> environment = new HashMap<>(System.getenv());
                environment.keySet().removeIf(name -> name.startsWith("REFRAIN_") || name.startsWith("OPENAI_"));
                step.path("env").properties().forEach(variable -> {
                    assertThat(variable.getValue().asText()).isEqualTo("${{ secrets." + variable.getKey() + " }}");
                    environment.put(variable.getKey(), "sk-of-the-schedule");
                });
                assertThat(CassetteCommand.run(arguments.toArray(String[]::new), environment, RecordingProxy::start))
                        .isZero();
                modes.add(arguments.get(0));
            }
        }
        assertThat(modes).containsExactly("replay", "refresh");
        assertThat(Files.readAllLines(folder.resolve("npm.ran")))
                .hasSize(2)
                .allMatch(url -> url.matches("http://127\\.0\\.0\\.1:[0-9]+/v1"));
    }

    @Test
    void pythonsUnittest() throws IOException {
        Assumptions.assumeTrue(runs("python3", "--version"), "Skipped: no python3.");
        isRecordedAndPlayed("python3 -m unittest src/test/python/test_cassettes.py");
    }

    /** Only the variables lead to the proxy. Debian has pytest for its own Python only. */
    @Test
    void pytest() throws IOException {
        String python = runs("python3", "-m", "pytest", "--version") ? "python3" : "/usr/bin/python3";
        Assumptions.assumeTrue(runs(python, "-m", "pytest", "--version"), "Skipped: no pytest.");
        isRecordedAndPlayed(python + " -m pytest -q -p no:cacheprovider src/test/python/test_cassettes.py");
    }

    @Test
    void nodesTestRunnerWithOpenAisSdk() throws IOException {
        boolean installed = Files.isDirectory(NODE.resolve("node_modules/openai")) && runs("node", "--version");
        Assumptions.assumeTrue(installed, "Skipped: no node, or no npm packages in http-frontend/src/test/node.");
        isRecordedAndPlayed("node --test " + NODE.resolve("cassettes.test.mjs"));
    }
}
