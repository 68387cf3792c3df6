package dev.refrain.cassettes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The process that each command starts, the variables it passes on, and its exit status. No proxy listens here. */
class CassetteCommandTest {
    @TempDir
    Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Map<String, String> environment = new HashMap<>();
    private List<String> flags;
    private Map<String, String> variables;
    private boolean closed;

    private RunningCassettes proxy(List<String> given, Map<String, String> settings) throws IOException {
        flags = given;
        variables = settings;
        Cassettes cassettes = Cassettes.in(Path.of(settings.get("REFRAIN_CASSETTES")))
                .mode(CassetteMode.RECORD)
                .open();
        return new RunningCassettes(4711, cassettes, () -> {
            closed = true;
            cassettes.close();
        });
    }

    private int run(String... arguments) {
        return CassetteCommand.run(
                arguments,
                environment,
                this::proxy,
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    private List<String> shell(String mode, String script, String... more) {
        List<String> arguments = new ArrayList<>(List.of(mode, "--cassettes", folder.toString()));
        arguments.addAll(List.of(more));
        arguments.addAll(List.of("--", "sh", "-c", script));
        return arguments;
    }

    private int run(List<String> arguments) {
        return run(arguments.toArray(String[]::new));
    }

    @Test
    void theProgramKnowsTheProxyAndItsStatusIsPassedOn() throws IOException {
        Path said = folder.resolve("said");
        int status = run(shell(
                "replay",
                "echo $OPENAI_BASE_URL $ANTHROPIC_BASE_URL $AZURE_OPENAI_ENDPOINT ${OPENAI_API_KEY:+key} > " + said
                        + "; exit 7"));
        assertThat(status).isEqualTo(7);
        assertThat(Files.readString(said))
                .startsWith("http://127.0.0.1:4711/v1 http://127.0.0.1:4711 http://127.0.0.1:4711 ");
        assertThat(Files.readString(said)).contains("key");
        assertThat(closed).isTrue();
        assertThat(err()).contains("0 played, 0 recorded");
        assertThat(variables).containsEntry("REFRAIN_CASSETTE_MODE", "replay").doesNotContainKey("REFRAIN_UPSTREAM");
    }

    @Test
    void whatIsRecordedIsTheProviderThatTheProgramWouldHaveCalled() {
        run(shell("record", "true"));
        assertThat(variables)
                .containsEntry("REFRAIN_UPSTREAM", "https://api.openai.com/v1")
                .containsEntry("REFRAIN_UPSTREAMS_MESSAGES", "https://api.anthropic.com/v1");
        environment.put("OPENAI_BASE_URL", "http://a/v1");
        environment.put("ANTHROPIC_BASE_URL", "http://b/");
        run(shell("record-missing", "true", "--pace", "recorded", "--capacity", "32MiB"));
        assertThat(variables)
                .containsEntry("REFRAIN_UPSTREAM", "http://a/v1")
                .containsEntry("REFRAIN_UPSTREAMS_MESSAGES", "http://b/v1")
                .containsEntry("REFRAIN_CASSETTE_PACE", "recorded")
                .containsEntry("REFRAIN_CASSETTE_MODE", "record-missing");
        assertThat(flags).containsExactly("--capacity", "32MiB");
        run(shell("refresh", "true", "--upstream", "http://c/v1"));
        assertThat(variables)
                .containsEntry("REFRAIN_UPSTREAM", "http://c/v1")
                .doesNotContainKey("REFRAIN_UPSTREAMS_MESSAGES");
    }

    private String variablesOf(String mode, String... more) throws IOException {
        Path said = folder.resolve("said");
        assertThat(run(shell(mode, "env > " + said, more))).isZero();
        return Files.readString(said);
    }

    @Test
    void callsToAnotherProviderAreLeftAlone() throws IOException {
        environment.put("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com");
        environment.put("SPRING_AI_OPENAI_BASE_URL", "https://api.openai.com");
        environment.put("OPENAI_API_BASE", "https://other.example/v1");
        environment.put("OPENAI_BASE_URL", "https://api.openai.com/v1");
        String record = variablesOf("record");
        assertThat(record.lines())
                .contains("OPENAI_BASE_URL=http://127.0.0.1:4711/v1", "ANTHROPIC_BASE_URL=http://127.0.0.1:4711")
                .contains("SPRING_AI_OPENAI_BASE_URL=http://127.0.0.1:4711/v1")
                .noneMatch(
                        line -> line.matches("(AZURE_OPENAI_ENDPOINT|OPENROUTER_BASE_URL|OPENAI_API_BASE)=.*4711.*"));
        assertThat(err()).contains("AZURE_OPENAI_ENDPOINT, OPENAI_API_BASE").contains("--upstream");
        // With --upstream, every known variable of a provider leads to the proxy. The same is true in a replay, where
        // no provider is called.
        for (String all :
                List.of(variablesOf("record", "--upstream", "https://mine.openai.azure.com"), variablesOf("replay"))) {
            assertThat(all.lines())
                    .contains("AZURE_OPENAI_ENDPOINT=http://127.0.0.1:4711")
                    .contains("OPENROUTER_BASE_URL=http://127.0.0.1:4711/api/v1")
                    .contains("OPENAI_API_BASE=http://127.0.0.1:4711/v1");
        }
        environment.remove("OPENAI_BASE_URL");
        run(shell("record", "true"));
        assertThat(variables).containsEntry("REFRAIN_UPSTREAM", "https://other.example/v1");
    }

    @Test
    void aWrongCommandLineSaysWhatToDo() {
        assertThat(run("record", "--cassettes", "x")).isEqualTo(2);
        assertThat(err()).contains("write it behind --, such as: refrain record --cassettes x -- npm test");
        assertThat(run("record", "--", "true")).isEqualTo(2);
        assertThat(err()).contains("--cassettes");
        assertThat(run("replay", "--help")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("--max-age", "-- COMMAND...");
        assertThat(run(List.of("replay", "--cassettes", folder.toString(), "--", "/no/such/program")))
                .isEqualTo(127);
        assertThat(closed).isTrue();
    }

    @Test
    void aProxyThatCannotBeStartedSaysWhy() throws IOException {
        Files.writeString(folder.resolve("chat-x-000000000000.yaml"), "format: 9\n");
        assertThat(run(shell("replay", "true"))).isEqualTo(1);
        assertThat(err()).contains("chat-x-000000000000.yaml:1: format: this Refrain reads format 1");
    }

    @Test
    void onlyTheseAreCommands() {
        assertThat(CassetteCommand.isAskedFor("record")).isTrue();
        assertThat(CassetteCommand.isAskedFor("record-missing", "--help")).isTrue();
        assertThat(CassetteCommand.isAskedFor("stats")).isFalse();
        assertThat(CassetteCommand.isAskedFor()).isFalse();
    }
}
