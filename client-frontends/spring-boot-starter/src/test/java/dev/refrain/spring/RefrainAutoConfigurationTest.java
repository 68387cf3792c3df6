package dev.refrain.spring;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.okhttp.RefrainInterceptor;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestLog;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.testing.ChildJvm;
import dev.refrain.testing.OkHttpReply;
import dev.refrain.testing.ScriptedProvider;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.anthropic.http.okhttp.AnthropicHttpClientBuilderCustomizer;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.openai.http.okhttp.OpenAiHttpClientBuilderCustomizer;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.cache.autoconfigure.CacheAutoConfiguration;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.health.actuate.endpoint.HealthDescriptor;
import org.springframework.boot.health.actuate.endpoint.HealthEndpoint;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.CacheManager;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.cache.concurrent.ConcurrentMapCacheManager;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/**
 * Which beans exist under which conditions, and what the starter does on errors. Long, since each case needs a context
 * with its own settings.
 */
class RefrainAutoConfigurationTest {
    private static final CacheRequest REQUEST = CacheRequest.of(
            Endpoint.CHAT, "sk-test", "{\"model\":\"m\",\"messages\":[]}".getBytes(StandardCharsets.UTF_8));

    private static final String HELLO = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[\
            {"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}""";

    private final ApplicationContextRunner runner =
            new ApplicationContextRunner().withConfiguration(AutoConfigurations.of(RefrainAutoConfiguration.class));

    @TempDir
    Path folder;

    @EnableAutoConfiguration
    static class Program {}

    @ImportAutoConfiguration(RefrainAutoConfiguration.class)
    static class Child {
        public static void main(String[] arguments) {
            new SpringApplicationBuilder(Child.class)
                    .web(WebApplicationType.NONE)
                    .run(arguments)
                    .close();
        }
    }

    private static ConfigurableApplicationContext start(String... properties) {
        return new SpringApplicationBuilder(Program.class)
                .web(WebApplicationType.NONE)
                .properties(
                        "spring.main.banner-mode=off",
                        "logging.level.root=warn",
                        "spring.ai.openai.api-key=sk-test",
                        "spring.ai.anthropic.api-key=sk-test")
                .properties(properties)
                .run();
    }

    private static void store(ResponseCache cache) {
        CacheKey key = cache.key(REQUEST).orElseThrow();
        byte[] answer = ScriptedProvider.COMPLETE.getBytes(StandardCharsets.UTF_8);
        cache.store(key, "application/json", answer, Duration.ofMinutes(5));
    }

    private static boolean has(ResponseCache cache) {
        return cache.lookup(cache.key(REQUEST).orElseThrow(), new CachedResponse());
    }

    @Test
    void bootFindsIt() {
        assertThat(ImportCandidates.load(
                        org.springframework.boot.autoconfigure.AutoConfiguration.class,
                        getClass().getClassLoader()))
                .contains(RefrainAutoConfiguration.class.getName());
    }

    @Test
    void withoutAnySettingThereIsACacheOnTheHeapThatRequestsTurnOn() {
        runner.run(context -> {
            assertThat(context)
                    .hasSingleBean(RefrainInterceptor.class)
                    .hasSingleBean(OpenAiHttpClientBuilderCustomizer.class)
                    .hasSingleBean(AnthropicHttpClientBuilderCustomizer.class)
                    .doesNotHaveBean(Console.class);
            RefrainProperties properties = context.getBean(RefrainProperties.class);
            assertThat(properties.cache().onByDefault()).isFalse();
            assertThat(context.getBean(ResponseCache.class)
                            .admin()
                            .stats()
                            .store()
                            .capacityBytes())
                    .isEqualTo(64 << 20);
        });
    }

    @Test
    void itCanBeTurnedOff() {
        runner.withPropertyValues("refrain.enabled=false")
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .doesNotHaveBean(ResponseCache.class)
                        .doesNotHaveBean(OpenAiHttpClientBuilderCustomizer.class));
    }

    @Test
    void missingLibrariesAreNoError() {
        runner.withClassLoader(new FilteredClassLoader(
                        "org.springframework.ai.anthropic",
                        "org.springframework.boot.health",
                        "org.springframework.boot.actuate"))
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .hasSingleBean(OpenAiHttpClientBuilderCustomizer.class)
                        .doesNotHaveBean("refrainAnthropic")
                        .doesNotHaveBean("refrainHealthIndicator"));
        runner.withClassLoader(new FilteredClassLoader("okhttp3", "org.springframework.ai"))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(ResponseCache.class));
    }

    @EnableCaching
    static class CachingBeans {}

    /** Spring must not choose the starter's cache for {@code @Cacheable}. */
    @Test
    void theProgramsOwnCachesStayWithTheManagerThatTheyHad() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(RefrainAutoConfiguration.class, CacheAutoConfiguration.class))
                .withUserConfiguration(CachingBeans.class)
                .run(context ->
                        assertThat(context.getBean(CacheManager.class)).isInstanceOf(ConcurrentMapCacheManager.class));
    }

    @Test
    void theProgramsOwnBeansComeFirst() throws IOException {
        try (ResponseCache own = ResponseCache.onHeap(1 << 20).open()) {
            RefrainOptions options = RefrainOptions.builder().build();
            RequestLog log = RequestLog.NONE;
            runner.withBean("own", ResponseCache.class, () -> own)
                    .withBean(RefrainOptions.class, () -> options)
                    .withBean(RequestLog.class, () -> log)
                    .withPropertyValues("refrain.console.enabled=true")
                    .run(context -> {
                        assertThat(context.getBean(ResponseCache.class)).isSameAs(own);
                        assertThat(context.getBean(RefrainOptions.class)).isSameAs(options);
                        assertThat(context).doesNotHaveBean(ActivityLog.class).doesNotHaveBean(Console.class);
                    });
        }
    }

    @Test
    void durationsAndSizesAreSpringsAndMistakesAreNamed() {
        runner.withPropertyValues(
                        "refrain.capacity=1MB",
                        "refrain.cache.default=on",
                        "refrain.cache.ttl=90s",
                        "refrain.stale-if-error=1h",
                        "refrain.cache.namespace=mine",
                        "refrain.cache.scope=secret-of-a-team",
                        "refrain.cache.samples=3",
                        "refrain.cache.policies[0].name=zero retention",
                        "refrain.cache.policies[0].match.model=acme/*",
                        "refrain.cache.policies[0].cache=never",
                        "refrain.cache.policies[1].match.endpoint=embeddings",
                        "refrain.cache.policies[1].max-ttl=30d",
                        "refrain.cache.policies[1].mode=read-only",
                        "refrain.key.headers=x-tenant",
                        "refrain.key.credentials-add=x-team",
                        "refrain.key.credentials-remove=x-token-count",
                        "refrain.key.ignore=user, chat:metadata.trace",
                        "refrain.key.normalization=canonical")
                .run(context -> {
                    RefrainProperties properties = context.getBean(RefrainProperties.class);
                    assertThat(properties.cache().onByDefault()).isTrue();
                    assertThat(properties.cache().ttl()).isEqualTo(Duration.ofSeconds(90));
                    assertThat(properties.staleIfError()).isEqualTo(Duration.ofHours(1));
                    assertThat(properties.capacity().toBytes()).isEqualTo(1 << 20);
                    assertThat(properties.toString()).doesNotContain("secret-of-a-team");
                });
        Map.ofEntries(
                        Map.entry("refrain.capacity=1KB", "65536"),
                        Map.entry("refrain.cache.ttl=366d", "ttl"),
                        Map.entry("refrain.cache.namespace=a b", "namespace"),
                        Map.entry("refrain.cache.samples=101", "samples"),
                        Map.entry("refrain.cache.policies[0].match.modle=m", "modle"),
                        Map.entry("refrain.cache.policies[0].max-turns=0", "max-turns"),
                        Map.entry("refrain.key.ignore=messages", "always a part of the key"),
                        Map.entry("refrain.console.port=70000", "refrain.console.port"),
                        Map.entry("refrain.console.token=short", "refrain.console.token"))
                .forEach((property, told) -> runner.withPropertyValues(property)
                        .run(context -> assertThat(context.getStartupFailure())
                                .as(property)
                                .rootCause()
                                .hasMessageContaining(told)));
    }

    /** In a YAML file, {@code cache: off} is a boolean. */
    @Test
    void policiesAndKeyRulesHoldForWhatTheModelsSend() throws Exception {
        try (ScriptedProvider provider = new ScriptedProvider();
                ConfigurableApplicationContext context = start(
                        "spring.config.location="
                                + Files.writeString(folder.resolve("rules.yaml"), """
                                refrain:
                                  cache:
                                    default: on
                                    policies:
                                      - name: zero retention
                                        match:
                                          model: secret*
                                        cache: never
                                      - match:
                                          model: odd
                                        cache: off
                                  key:
                                    ignore: user
                                """)
                                        .toUri(),
                        "spring.ai.openai.base-url=" + provider.base())) {
            provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, ScriptedProvider.COMPLETE));
            RefrainInterceptor interceptor = context.getBean(RefrainInterceptor.class);
            OkHttpClient client =
                    new OkHttpClient.Builder().addInterceptor(interceptor).build();
            String url = provider.base() + "/chat/completions";
            for (int i = 0; i < 2; i++) {
                for (String model : List.of("secret-1", "odd", "m")) {
                    String body = "{\"model\":\"" + model + "\",\"user\":\"" + i + "\",\"messages\":[]}";
                    OkHttpReply.send(client, url, body, "Authorization", "Bearer sk-test")
                            .close();
                }
            }
            assertThat(provider.received().stream()
                            .map(received -> received.body().split("\"", -1)[3]))
                    .containsExactly("secret-1", "odd", "m", "secret-1", "odd");
        }
    }

    @Test
    void aFileIsClosedWithTheContextAndCanBeOpenInTwo() {
        String store = "refrain.store=" + folder.resolve("answers.refrain");
        ApplicationContextRunner onDisk = runner.withPropertyValues(store, "refrain.capacity=16MB");
        ResponseCache[] first = new ResponseCache[1];
        onDisk.run(context -> {
            first[0] = context.getBean(ResponseCache.class);
            store(first[0]);
            // Like a restart by DevTools during which the old context lingers.
            onDisk.run(second ->
                    assertThat(has(second.getBean(ResponseCache.class))).isTrue());
            assertThat(has(first[0])).isTrue();
        });
        assertThat(has(first[0])).as("a closed cache").isFalse();
        onDisk.run(
                context -> assertThat(has(context.getBean(ResponseCache.class))).isTrue());
    }

    @Test
    void aStoreThatCannotBeOpenedIsBadHealthButNoFailureAndNoReasonToRestart() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "no folder");
        try (ConfigurableApplicationContext context =
                start("refrain.store=" + file.resolve("answers.refrain"), "refrain.capacity=16MB")) {
            HealthEndpoint health = context.getBean(HealthEndpoint.class);
            HealthDescriptor store = health.healthForPath("refrain");
            assertThat(store.getStatus()).isEqualTo(Status.DOWN);
            assertThat(health.health().getStatus()).isEqualTo(Status.DOWN);
            assertThat(health.healthForPath("liveness").getStatus()).isEqualTo(Status.UP);
            assertThat(health.healthForPath("readiness").getStatus()).isEqualTo(Status.UP);
        }
    }

    @Test
    void healthTellsWhatIsStored() {
        try (ConfigurableApplicationContext context = start("refrain.capacity=1MB")) {
            store(context.getBean(ResponseCache.class));
            assertThat(context.getBean("refrainHealthIndicator", HealthIndicator.class)
                            .health(true))
                    .satisfies(health -> {
                        assertThat(health.getStatus()).isEqualTo(Status.UP);
                        assertThat(health.getDetails())
                                .containsEntry("entries", 1L)
                                .containsEntry("capacityBytes", 1L << 20)
                                .containsEntry("failures", 0L);
                    });
        }
    }

    @Test
    void withoutItsFlagsAFileIsRefusedByNameAndTheHeapIsNot() throws Exception {
        Path file = folder.resolve("answers.refrain");
        ChildJvm.Result refused = withoutFlags("--refrain.store=" + file);
        assertThat(refused.exit()).isNotZero();
        assertThat(refused.out() + refused.err())
                .contains("APPLICATION FAILED TO START")
                .contains("'refrain.store'")
                .contains("--add-opens=java.base/java.lang=ALL-UNNAMED")
                .contains("refrain.store=heap");
        assertThat(file).doesNotExist();
        ChildJvm.Result onHeap = withoutFlags("--refrain.store=heap");
        assertThat(onHeap.exit()).as(onHeap.out() + onHeap.err()).isZero();
    }

    private static ChildJvm.Result withoutFlags(String store) throws Exception {
        // DevTools is on the tests' class path, and would restart a program that has failed.
        List<String> noRestart = List.of("-Dspring.devtools.restart.enabled=false");
        return ChildJvm.run(ChildJvm.builder(noRestart, Child.class, store, "--logging.level.root=warn"));
    }

    @Test
    void theConsoleIsOnLoopbackAloneAndGuardedAsTheProxys() throws Exception {
        try (ConfigurableApplicationContext context = start(
                "refrain.store=" + folder.resolve("answers.refrain"),
                "refrain.capacity=16MB",
                "refrain.console.enabled=true",
                "refrain.console.port=0",
                "refrain.console.token=0123456789abcdef")) {
            URI ui = URI.create(context.getBean(Console.class).url());
            assertThat(ui.getHost()).isEqualTo("127.0.0.1");
            assertThat(get(ui)).contains("<!doctype html>");
            assertThat(get(ui.resolve("/admin/api/stats")))
                    .contains("Authorization: Bearer with the value of refrain.console.token");
            assertThat(get(ui.resolve("/admin/api/stats"), "Authorization", "Bearer 0123456789abcdef"))
                    .contains("\"store\"");
            assertThat(folder.resolve("answers.refrain.activity")).exists();
        }
    }

    /** The explanation applies the program's settings, so the question need not repeat them. */
    @Test
    void theConsoleExplainsWhatBecomesOfTheProgramsRequests() throws Exception {
        try (ScriptedProvider provider = new ScriptedProvider();
                ConfigurableApplicationContext context = start(
                        "refrain.cache.default=on",
                        "refrain.cache.namespace=mine",
                        "refrain.cache.scope=secret-of-a-team",
                        "refrain.console.enabled=true",
                        "refrain.console.port=0",
                        "spring.ai.openai.base-url=" + provider.base())) {
            provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, HELLO));
            assertThat(context.getBean(OpenAiChatModel.class).call("hi")).isEqualTo("Hello");
            ObjectNode question = new ObjectMapper().createObjectNode();
            question.put("endpoint", "chat");
            question.put("body", provider.received().get(0).body());
            assertThat(explain(context, question)).contains("The entry answers: a hit.");
            question.put("body", "{\"model\":\"n\"}");
            // No advice names a setting that only the proxy has.
            assertThat(explain(context, question)).contains("inside a program").doesNotContain("explain.requests");
        }
    }

    @Test
    void theConsoleSaysThatTheProgramCachesOnlyWhatAsksForIt() throws Exception {
        try (ConfigurableApplicationContext context = start("refrain.console.enabled=true", "refrain.console.port=0")) {
            ObjectNode question = new ObjectMapper().createObjectNode();
            question.put("endpoint", "chat");
            question.put("body", "{\"model\":\"m\"}");
            assertThat(explain(context, question)).contains("The program caches only requests that ask for it");
            question.putObject("headers").put("X-OpenRouter-Cache", "false");
            assertThat(explain(context, question)).contains("X-OpenRouter-Cache: false turns caching off.");
        }
    }

    /** Namespace, scope and provider name come from the program's own options, not from settings. */
    @Test
    void theConsoleKnowsTheKeysOfTheProgramsOwnOptions() throws Exception {
        RefrainOptions options = RefrainOptions.builder()
                .namespace("own")
                .scope("secret of ours")
                .upstream("the provider")
                .build();
        try (ScriptedProvider provider = new ScriptedProvider();
                ConfigurableApplicationContext context = start(
                        options,
                        "refrain.console.enabled=true",
                        "refrain.console.port=0",
                        "spring.ai.openai.base-url=" + provider.base())) {
            provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, HELLO));
            context.getBean(OpenAiChatModel.class).call("hi");
            ObjectNode question = new ObjectMapper().createObjectNode();
            question.put("endpoint", "chat");
            question.put("body", provider.received().get(0).body());
            assertThat(explain(context, question)).contains("The entry answers: a hit.");
        }
    }

    private static ConfigurableApplicationContext start(RefrainOptions options, String... properties) {
        return new SpringApplicationBuilder(Program.class)
                .web(WebApplicationType.NONE)
                .initializers((GenericApplicationContext program) ->
                        program.registerBean(RefrainOptions.class, () -> options))
                .properties(
                        "spring.main.banner-mode=off",
                        "logging.level.root=warn",
                        "spring.ai.openai.api-key=sk-test",
                        "spring.ai.anthropic.api-key=sk-test")
                .properties(properties)
                .run();
    }

    /** Policies and the bound of lifetimes come from the options of the program's clients. */
    @Test
    void theConsoleExplainsByTheProgramsOwnOptions() throws Exception {
        Policy never = Policy.builder("zero retention")
                .model("secret")
                .cache(Policy.Caching.NEVER)
                .build();
        Policy off = Policy.builder("only if asked")
                .model("odd")
                .cache(Policy.Caching.OFF)
                .build();
        RefrainOptions options = RefrainOptions.builder().policies(never, off).build();
        try (ConfigurableApplicationContext context =
                start(options, "refrain.console.enabled=true", "refrain.console.port=0")) {
            ObjectNode question = new ObjectMapper().createObjectNode();
            question.put("endpoint", "chat");
            question.putObject("headers").put("X-OpenRouter-Cache-TTL", "9999999");
            question.put("body", "{\"model\":\"open\"}");
            assertThat(explain(context, question))
                    .contains("\"caching\":\"on\"")
                    .contains("86400");
            question.put("body", "{\"model\":\"secret\"}");
            assertThat(explain(context, question)).contains("The policy zero retention says never");
            question.put("body", "{\"model\":\"odd\"}");
            assertThat(explain(context, question)).contains("The policy only if asked turns caching off");
        }
    }

    private static String explain(ConfigurableApplicationContext context, ObjectNode question) throws Exception {
        URI ui = URI.create(context.getBean(Console.class).url());
        HttpRequest explain = HttpRequest.newBuilder(ui.resolve("/admin/api/explain"))
                .header("X-Refrain-Admin", "1")
                .POST(HttpRequest.BodyPublishers.ofString(question.toString()))
                .build();
        return HttpClient.newHttpClient()
                .send(explain, HttpResponse.BodyHandlers.ofString())
                .body();
    }

    @Test
    void aPortThatIsTakenCostsTheConsoleAndNothingElse() throws IOException {
        try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            runner.withPropertyValues("refrain.console.enabled=true", "refrain.console.port=" + other.getLocalPort())
                    .run(context -> {
                        assertThat(context).hasNotFailed().hasSingleBean(RefrainInterceptor.class);
                        assertThat(context.getBean(Console.class).url()).isNull();
                    });
        }
    }

    /** The registry has the proxy's metrics, except the metrics of calls to providers, which the client library has. */
    @Test
    void theRegistryHasTheFiguresThatTheProxyShows() throws Exception {
        try (ConfigurableApplicationContext context = start("refrain.console.enabled=true", "refrain.console.port=0")) {
            URI ui = URI.create(context.getBean(Console.class).url());
            Set<String> shown = names(get(ui.resolve("/metrics")));
            shown.removeIf(name -> name.startsWith("refrain_upstream_") || name.startsWith("refrain_build_"));
            assertThat(shown).hasSizeGreaterThan(30);
            assertThat(names(context.getBean(PrometheusMeterRegistry.class).scrape()))
                    .isEqualTo(shown);
        }
    }

    private static Set<String> names(String scraped) {
        return Pattern.compile("(?m)^# TYPE (refrain_\\S+)")
                .matcher(scraped)
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static String get(URI uri, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri);
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return HttpClient.newHttpClient()
                .send(request.build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    /** Editors show these descriptions in application.yaml. */
    @Test
    void everySettingIsDescribed() throws IOException {
        JsonNode metadata;
        try (InputStream in =
                RefrainProperties.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json")) {
            metadata = new ObjectMapper().readTree(in);
        }
        List<String> names = new ArrayList<>();
        metadata.path("properties").forEach(property -> {
            names.add(property.path("name").asText());
            assertThat(property.path("description").asText())
                    .as(property.toString())
                    .endsWith(".");
        });
        assertThat(names)
                .contains("refrain.store", "refrain.capacity", "refrain.cache.default", "refrain.console.enabled");
        String page = Files.readString(Path.of("../../docs/CLIENTS.md"));
        assertThat(names).allSatisfy(name -> assertThat(page).contains("`" + name + "`"));
    }
}
