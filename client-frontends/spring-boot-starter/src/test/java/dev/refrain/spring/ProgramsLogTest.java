package dev.refrain.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.GenerationRecords;
import dev.refrain.console.activity.Outcome;
import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.Await;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** What the log and the dashboard know of a program's requests. */
class ProgramsLogTest {
    private static final String ANSWER = """
            {"id":"chatcmpl-%d","object":"chat.completion","created":1700000000,"model":"m","choices":[\
            {"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],\
            "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}""";
    private static final Pattern KEY = Pattern.compile("\"key\":\"([0-9a-f]{64})\"");

    @TempDir
    Path folder;

    private ScriptedProvider provider;
    private ConfigurableApplicationContext context;

    @EnableAutoConfiguration
    static class Program {}

    @BeforeEach
    void begin() throws IOException {
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, ANSWER.formatted(provider.calls())));
    }

    @AfterEach
    void end() {
        context.close();
        provider.close();
    }

    private void start(String... properties) {
        context = new SpringApplicationBuilder(Program.class)
                .web(WebApplicationType.NONE)
                .properties(
                        "spring.main.banner-mode=off",
                        "logging.level.root=warn",
                        "spring.ai.openai.base-url=" + provider.base(),
                        "spring.ai.openai.api-key=sk-test",
                        "refrain.console.enabled=true",
                        "refrain.console.port=0",
                        "refrain.console.log=" + folder.resolve("activity"))
                .properties(properties)
                .run();
    }

    /** Returns the id of the answer. */
    private String ask() {
        var response = context.getBean(OpenAiChatModel.class).call(new Prompt("hi"));
        assertThat(response.getResult().getOutput().getText()).isEqualTo("Hello");
        return response.getMetadata().getId();
    }

    /** Waits until the log has the request that got this id. */
    private Activity logged(String id) {
        ActivityLog log = context.getBean(ActivityLog.class);
        Await.until(() -> log.find(id).isPresent());
        return log.find(id).orElseThrow();
    }

    @Test
    void w61_uncachedRequestsAreCountedToo() throws Exception {
        start("refrain.cache.default=off");
        assertThat(ask()).isEqualTo("chatcmpl-1");
        assertThat(ask()).isEqualTo("chatcmpl-2");
        for (String id : new String[] {"chatcmpl-1", "chatcmpl-2"}) {
            Activity request = logged(id);
            assertThat(request.outcome()).isEqualTo(Outcome.OFF);
            assertThat(request.status()).isEqualTo(200);
            assertThat(request.tokensUsed()).isEqualTo(21);
        }
        assertThat(context.getBean(ResponseCache.class).admin().stats().misses())
                .isZero();
        // Another setting is needed to show answers.
        assertThat(look("0".repeat(64))).contains("refrain.console.content: on allows it");
    }

    @Test
    void w85_anAnswerIsTakenBackByItsIdAndCanBeLookedAtUntilThen() throws Exception {
        start("refrain.cache.default=on", "refrain.console.content=on");
        GenerationRecords records = new GenerationRecords(
                context.getBean(ActivityLog.class),
                context.getBean(ResponseCache.class).pipeline());
        String miss = ask();
        assertThat(miss).isEqualTo("chatcmpl-1");
        logged(miss);
        Matcher key = KEY.matcher(send("GET", "/admin/api/entries", ""));
        assertThat(key.find()).isTrue();
        assertThat(look(key.group(1))).contains("Hello");
        assertThat(records.takeBack(miss)).isTrue();
        assertThat(ask()).isEqualTo("chatcmpl-2");
        String hit = ask();
        assertThat(hit).startsWith("gen-");
        logged(hit);
        assertThat(records.takeBack(hit)).isTrue();
        // The answer that replaced it has another id, and stays.
        assertThat(ask()).isEqualTo("chatcmpl-3");
        assertThat(records.takeBack(hit)).isTrue();
        assertThat(ask()).startsWith("gen-");
        assertThat(records.takeBack("gen-1700000000-abcdefghijklmnopqrst")).isFalse();
        assertThat(provider.calls()).isEqualTo(3);
    }

    @Test
    void aSealedAnswerOpensWithTheSecretOfTheScope() throws Exception {
        start(
                "refrain.cache.default=on",
                "refrain.console.content=on",
                "refrain.cache.scope=secret of the team",
                "refrain.seal=true",
                "refrain.capacity=16MB",
                "refrain.store=" + folder.resolve("answers.refrain"));
        logged(ask());
        Matcher key = KEY.matcher(send("GET", "/admin/api/entries", ""));
        assertThat(key.find()).isTrue();
        assertThat(look(key.group(1))).contains("sealed", "scope").doesNotContain("Hello");
        String path = "/admin/api/entries/" + key.group(1) + "/content";
        String headers = "{\"headers\":{\"Authorization\":\"Bearer %s\"}}";
        assertThat(send("POST", path, headers.formatted("sk-test"))).doesNotContain("Hello");
        assertThat(send("POST", path, headers.formatted("secret of the team"))).contains("Hello");
    }

    private String look(String key) throws IOException, InterruptedException {
        return send("POST", "/admin/api/entries/" + key + "/content", "{}");
    }

    private String send(String method, String path, String body) throws IOException, InterruptedException {
        URI ui = URI.create(context.getBean(Console.class).url());
        HttpRequest request = HttpRequest.newBuilder(ui.resolve(path))
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .header("X-Refrain-Admin", "1")
                .build();
        return HttpClient.newHttpClient()
                .send(request, HttpResponse.BodyHandlers.ofString())
                .body();
    }
}
