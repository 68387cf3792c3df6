package dev.refrain.junit5;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OkHttpClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.refrain.cassettes.CassetteMode;
import dev.refrain.engine.ResponseCache;
import dev.refrain.openai.RefrainOpenAi;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs tests with cassettes as a program's build does: once with a provider, then without one. */
class CassetteTest {
    /** The folder that the nested test classes name. */
    private static final String FOLDER = "target/cassettes/junit";

    private static final String MODE = "refrain.cassette-mode";
    private static final String UPSTREAM = "refrain.cassette-upstream";

    private static final String ANSWER = """
            {"id":"c-1","object":"chat.completion","created":1,"model":"demo","choices":[{"index":0,"message":\
            {"role":"assistant","content":"Answer to %s","refusal":null},"finish_reason":"stop","logprobs":null}]}""";

    private ScriptedProvider provider;
    private final List<String> failures = new ArrayList<>();
    private final Map<String, String> reported = new ConcurrentHashMap<>();
    private int succeeded;

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> {
            String asked = request.body().replaceAll("(?s).*\"content\":\"([^\"]*)\".*", "$1");
            ScriptedProvider.json(exchange, 200, ANSWER.formatted(asked));
        });
        clear();
    }

    @AfterEach
    void stop() throws IOException {
        provider.close();
        System.clearProperty(MODE);
        System.clearProperty(UPSTREAM);
        clear();
    }

    private static void clear() throws IOException {
        Path folder = Path.of(FOLDER);
        if (Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private void run(String mode, DiscoverySelector... selectors) {
        System.setProperty(MODE, mode);
        System.setProperty(UPSTREAM, provider.base().toString());
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectors)
                .configurationParameter("junit.jupiter.execution.parallel.enabled", "true")
                .build();
        Launcher launcher = LauncherFactory.create(LauncherConfig.builder()
                .enableTestExecutionListenerAutoRegistration(false)
                .build());
        failures.clear();
        reported.clear();
        succeeded = 0;
        launcher.execute(request, new TestExecutionListener() {
            @Override
            public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
                result.getThrowable().ifPresent(thrown -> failures.add(thrown.toString()));
                if (test.isTest() && result.getStatus() == TestExecutionResult.Status.SUCCESSFUL) {
                    succeeded++;
                }
            }

            @Override
            public void reportingEntryPublished(TestIdentifier test, ReportEntry entry) {
                reported.putAll(entry.getKeyValuePairs());
            }
        });
    }

    private static String ask(OpenAIClient client, String question) {
        return client.chat()
                .completions()
                .create(ChatCompletionCreateParams.builder()
                        .model("demo")
                        .addUserMessage(question)
                        .build())
                .choices()
                .get(0)
                .message()
                .content()
                .orElse("");
    }

    /** A program's test class. The build does not run it by itself, because its name is not a test's. */
    @Cassette(FOLDER)
    @Execution(ExecutionMode.CONCURRENT)
    static class Suite {
        private static OpenAIClient proxied(CassettePlayer cassette) {
            return OpenAIOkHttpClient.builder()
                    .baseUrl(cassette.openAiUrl())
                    .apiKey(cassette.apiKey())
                    .maxRetries(0)
                    .build();
        }

        @Test
        void one(CassettePlayer cassette) {
            assertThat(ask(proxied(cassette), "one")).isEqualTo("Answer to one");
        }

        @Test
        void two(CassettePlayer cassette) {
            assertThat(ask(proxied(cassette), "two")).isEqualTo("Answer to two");
        }

        /** Plays the same recordings without the proxy. */
        @Test
        void wrapped(CassettePlayer cassette) throws IOException {
            try (ResponseCache cache = ResponseCache.onHeap(1 << 20).open()) {
                OpenAIClient client = OpenAIOkHttpClient.builder()
                        .baseUrl(System.getProperty(UPSTREAM))
                        .apiKey(cassette.apiKey())
                        .maxRetries(0)
                        .build()
                        .withOptions(o -> o.httpClient(RefrainOpenAi.wrap(
                                OkHttpClient.builder().build(),
                                cache,
                                cassette.options().build())));
                assertThat(ask(client, "three")).isEqualTo("Answer to three");
                assertThat(ask(client, "three")).isEqualTo("Answer to three");
                assertThat(cache.admin().stats().hits()).isZero();
            }
        }

        @Nested
        class Inner {
            @Test
            void sharesIt(CassettePlayer cassette) {
                assertThat(ask(proxied(cassette), "one")).isEqualTo("Answer to one");
            }
        }
    }

    /** A test class of which one method has a cassette. */
    static class OfAMethod {
        @Test
        @Cassette(FOLDER)
        void asks(CassettePlayer cassette) {
            assertThat(cassette.mode()).isEqualTo(CassetteMode.REPLAY);
            assertThat(ask(Suite.proxied(cassette), "one")).isEqualTo("Answer to one");
            assertThat(cassette.summary().played()).isEqualTo(1);
        }

        @Test
        @Cassette(FOLDER)
        void asksSomethingElse(CassettePlayer cassette) {
            ask(Suite.proxied(cassette), "another one");
        }
    }

    /** A class with a cassette, of which a method and a nested class have their own. */
    @Cassette(FOLDER + "/class")
    @TestMethodOrder(MethodOrderer.MethodName.class)
    static class Both {
        @Test
        void first(CassettePlayer cassette) {
            ask(Suite.proxied(cassette), "of the class");
        }

        @Test
        @Cassette(FOLDER + "/method")
        void second(CassettePlayer cassette) {
            ask(Suite.proxied(cassette), "of the method");
        }

        @Test
        void third(CassettePlayer cassette) {
            ask(Suite.proxied(cassette), "of the class again");
        }

        @Nested
        @Cassette(FOLDER + "/nested")
        class Inner {
            @Test
            void hasItsOwn(CassettePlayer cassette) {
                ask(Suite.proxied(cassette), "of the nested class");
            }
        }
    }

    @Test
    void whatIsNearestToATestIsItsCassette() throws IOException {
        run("record", selectClass(Both.class));
        assertThat(failures).isEmpty();
        assertThat(succeeded).isEqualTo(4);
        assertThat(recordings("class")).hasSize(2);
        assertThat(recordings("method")).hasSize(1);
        assertThat(recordings("nested")).hasSize(1);
        run("replay", selectClass(Both.class));
        assertThat(failures).isEmpty();
        assertThat(reported).isEmpty();
        assertThat(provider.calls()).isEqualTo(4);
    }

    private static List<Path> recordings(String folder) throws IOException {
        try (Stream<Path> files = Files.list(Path.of(FOLDER, folder))) {
            return files.filter(file -> file.toString().endsWith(".yaml")).toList();
        }
    }

    @Test
    void aClassIsRecordedAndPlayed() throws IOException {
        run("record", selectClass(Suite.class));
        assertThat(failures).isEmpty();
        assertThat(succeeded).isEqualTo(4);
        assertThat(recordings("")).hasSize(3);
        assertThat(provider.calls()).isEqualTo(3);
        run("replay", selectClass(Suite.class));
        assertThat(failures).isEmpty();
        assertThat(succeeded).isEqualTo(4);
        assertThat(reported).isEmpty();
        // One of the four tests runs, so the recordings of the others are reported as unused.
        run("replay", selectMethod(Suite.class, "one", CassettePlayer.class.getName()));
        assertThat(succeeded).isEqualTo(1);
        assertThat(reported.get("refrain.unused").lines()).hasSize(2);
        // A cassette on a method belongs to that method alone.
        run("replay", selectClass(OfAMethod.class));
        assertThat(succeeded).isEqualTo(1);
        assertThat(failures).singleElement().asString().contains("504", "$.messages[0].content", "another one");
        assertThat(reported.get("refrain.missing")).contains("they differ first at $.messages[0].content");
        assertThat(provider.calls()).isEqualTo(3);
    }

    @Test
    void theModeComesFromThePropertyOrTheVariablesOrTheMachine() {
        assertThat(CassetteExtension.mode(null, Map.of())).isEqualTo(CassetteMode.RECORD_MISSING);
        assertThat(CassetteExtension.mode(null, Map.of("CI", "true"))).isEqualTo(CassetteMode.REPLAY);
        assertThat(CassetteExtension.mode(null, Map.of("CI", "true", "REFRAIN_CASSETTE_MODE", "refresh")))
                .isEqualTo(CassetteMode.REFRESH);
        assertThat(CassetteExtension.mode("record", Map.of("CI", "true"))).isEqualTo(CassetteMode.RECORD);
        assertThatThrownBy(() -> CassetteExtension.mode("play", Map.of()))
                .isInstanceOf(ExtensionConfigurationException.class)
                .hasMessageContaining("refrain.cassette-mode is play");
    }
}
