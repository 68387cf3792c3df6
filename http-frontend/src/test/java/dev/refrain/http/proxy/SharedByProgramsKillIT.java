package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import dev.refrain.testing.ChildJvm;
import dev.refrain.testing.ScriptedProvider;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A proxy and three programs with cached clients use one file, under load. One of them at a time is killed, {@code
 * -Drefrain.kills} times (docs/CLIENTS.md).
 */
@Timeout(1800)
class SharedByProgramsKillIT {
    private static final int KILLS = Integer.getInteger("refrain.kills", 1);
    private static final List<String> CLIENTS = List.of("okhttp", "openai", "langchain4j");
    private static final Pattern PROMPT = Pattern.compile("p-(\\d+)");
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private final List<Program> programs = new ArrayList<>();
    private final List<String> wrong = new CopyOnWriteArrayList<>();
    /** The bodies that clients have sent: each library writes JSON in its own way. */
    private final Set<String> bodies = ConcurrentHashMap.newKeySet();

    private ScriptedProvider provider;

    /** The provider's answer to a prompt: some kilobytes. */
    static String text(int prompt) {
        Random random = new Random(prompt);
        StringBuilder text = new StringBuilder("answer to p-" + prompt + ":");
        for (int words = 100 + random.nextInt(500); words > 0; words--) {
            text.append(random.nextInt(20) == 0 ? " gr\u00fc\u00df" : " word").append(random.nextInt(1000));
        }
        return text.toString();
    }

    /** The text of an answer, streamed or not. */
    static String contentOf(String body) throws IOException {
        StringBuilder text = new StringBuilder();
        for (String line :
                body.startsWith("{") ? List.of("data: " + body) : body.lines().toList()) {
            if (line.startsWith("data: {")) {
                for (JsonNode choice : JSON.readTree(line.substring(6)).path("choices")) {
                    text.append(choice.path("message").path("content").asText(""));
                    text.append(choice.path("delta").path("content").asText(""));
                }
            }
        }
        return text.toString();
    }

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> {
            bodies.add(request.body());
            answer(exchange, request);
        });
    }

    /** The provider's script. */
    static void answer(HttpExchange exchange, ScriptedProvider.Received request) throws IOException {
        int prompt = prompt(request.body());
        String text = text(prompt);
        if (request.uri().endsWith("/messages")) {
            message(exchange, text, CachingProgram.isStreamed(prompt));
            return;
        }
        if (!CachingProgram.isStreamed(prompt)) {
            ScriptedProvider.json(
                    exchange,
                    200,
                    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"m\","
                            + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" + text
                            + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
                            + "\"completion_tokens\":12,\"total_tokens\":21}}");
            return;
        }
        int half = text.length() / 2;
        ScriptedProvider.stream(
                exchange,
                chunk("{\"role\":\"assistant\",\"content\":\"" + text.substring(0, half) + "\"}", "null"),
                chunk("{\"content\":\"" + text.substring(half) + "\"}", "null"),
                chunk("{}", "\"stop\""),
                "data: [DONE]\n\n");
    }

    private static void message(HttpExchange exchange, String text, boolean isStreamed) throws IOException {
        String head = "\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[";
        String block = "{\"type\":\"text\",\"text\":\"" + text + "\"}";
        String stop = "\"stop_reason\":\"end_turn\",\"stop_sequence\":null";
        String usage = "\"usage\":{\"input_tokens\":9,\"output_tokens\":12}";
        if (!isStreamed) {
            ScriptedProvider.json(exchange, 200, "{" + head + block + "]," + stop + "," + usage + "}");
            return;
        }
        ScriptedProvider.stream(
                exchange,
                event("message_start", "\"message\":{" + head + "],\"stop_reason\":null," + usage + "}"),
                event("content_block_start", "\"index\":0,\"content_block\":" + block),
                event("content_block_stop", "\"index\":0"),
                event("message_delta", "\"delta\":{" + stop + "}," + usage),
                event("message_stop", "\"x\":0"));
    }

    private static String event(String type, String rest) {
        return "event: " + type + "\ndata: {\"type\":\"" + type + "\"," + rest + "}\n\n";
    }

    private static String chunk(String delta, String reason) {
        return "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                + "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + reason
                + "}]}\n\n";
    }

    private static int prompt(String body) {
        Matcher matcher = PROMPT.matcher(body);
        assertThat(matcher.find()).as(body).isTrue();
        return Integer.parseInt(matcher.group(1));
    }

    @AfterEach
    void stop() {
        programs.forEach(program -> program.process.toHandle().destroyForcibly());
        provider.close();
    }

    /** One of the programs, and its output. */
    private final class Program {
        private final Process process;
        private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        private final Thread reader;

        Program(String client, String mode) throws IOException {
            process = ChildJvm.builder(
                            CachingProgram.class, client, folder.resolve("answers.refrain"), provider.base(), mode)
                    .redirectError(Files.createTempFile(folder, client, ".err").toFile())
                    .start();
            programs.add(this);
            BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
            reader = new Thread(() -> out.lines().forEach(line -> {
                if (line.startsWith("wrong")) {
                    wrong.add(client + " " + line);
                }
                lines.add(line);
            }));
            reader.start();
        }

        /** Waits for the next line of output. */
        String next() throws InterruptedException {
            String line = lines.poll(120, TimeUnit.SECONDS);
            assertThat(line).as("the program goes on").isNotNull();
            return line;
        }

        void goesOn() throws InterruptedException {
            lines.clear();
            // The first line may have been written before the call.
            next();
            next();
        }

        void kill() throws InterruptedException {
            process.toHandle().destroyForcibly();
            process.waitFor();
        }

        void end() throws IOException, InterruptedException {
            process.getOutputStream().close();
            assertThat(process.waitFor()).isZero();
            reader.join();
        }
    }

    /** Sends random requests to the proxy until it is stopped. */
    private final class ProxyLoad extends Thread {
        private final RunningJar proxy;
        private final Random random = new Random();
        private volatile boolean stopped;
        private final BlockingQueue<Boolean> asked = new LinkedBlockingQueue<>();

        ProxyLoad(RunningJar proxy) {
            this.proxy = proxy;
        }

        @Override
        @SuppressWarnings("CatchingUnchecked") // the test must hear of every failure
        public void run() {
            try {
                while (!stopped) {
                    askProxy(proxy, CachingProgram.body(random.nextInt(CachingProgram.PROMPTS)));
                    asked.add(true);
                }
            } catch (Throwable e) {
                wrong.add("proxy " + e);
            }
        }

        void goesOn() throws InterruptedException {
            asked.clear();
            assertThat(asked.poll(120, TimeUnit.SECONDS))
                    .as("the proxy goes on")
                    .isNotNull();
            assertThat(asked.poll(120, TimeUnit.SECONDS))
                    .as("the proxy goes on")
                    .isNotNull();
        }
    }

    private boolean askProxy(RunningJar proxy, String body) throws IOException {
        HttpResponse<String> response = proxy.send(proxy.post(
                "/v1/chat/completions", body, "X-OpenRouter-Cache", "true", "X-OpenRouter-Cache-TTL", "3600"));
        if (response.statusCode() != 200 || !contentOf(response.body()).equals(text(prompt(body)))) {
            wrong.add("proxy " + response + " " + response.body());
        }
        return response.headers()
                .firstValue("X-OpenRouter-Cache-Status")
                .orElseThrow()
                .equals("HIT");
    }

    @Test
    void aKilledProcessHarmsNoOther() throws Exception {
        underLoad();
        assertThat(wrong).isEmpty();
        allHaveOneFile();
        assertThat(wrong).isEmpty();
    }

    private void underLoad() throws Exception {
        Random random = new Random();
        try (RunningJar proxy = RunningJar.start(folder, provider.base())) {
            ProxyLoad load = new ProxyLoad(proxy);
            load.start();
            List<Program> running = new ArrayList<>();
            for (String client : CLIENTS) {
                running.add(new Program(client, "load"));
            }
            for (Program program : running) {
                program.goesOn();
            }
            for (int kill = 0; kill < KILLS; kill++) {
                int victim = random.nextInt(running.size());
                for (int moments = random.nextInt(20); moments > 0; moments--) {
                    running.get(victim).next();
                }
                running.get(victim).kill();
                running.set(victim, new Program(CLIENTS.get(victim), "load"));
                for (Program program : running) {
                    program.goesOn();
                }
                load.goesOn();
                assertThat(wrong).isEmpty();
            }
            for (Program program : running) {
                program.end();
            }
            load.stopped = true;
            load.join();
            assertThat(proxy.terminate().ended().status()).isEqualTo(143);
        }
    }

    /** The bodies of all clients for all prompts, derived from those that they have sent. */
    private List<String> allBodies() {
        List<String> all = new ArrayList<>();
        Set<String> forms = new HashSet<>();
        for (String body : bodies) {
            int sent = prompt(body);
            String form = body.replace("p-" + sent, "p-%d");
            for (int prompt = sent % 2; forms.add(form + prompt) && prompt < CachingProgram.PROMPTS; prompt += 2) {
                all.add(form.formatted(prompt));
            }
        }
        assertThat(all).doesNotHaveDuplicates().hasSize(CachingProgram.PROMPTS * CLIENTS.size());
        return all;
    }

    /**
     * A lock that died with its holder makes answers unavailable until the file is opened anew. Each such answer is
     * fetched once.
     */
    private void allHaveOneFile() throws Exception {
        try (RunningJar proxy = RunningJar.start(folder, provider.base())) {
            List<String> all = allBodies();
            for (String body : all) {
                askProxy(proxy, body);
            }
            int calls = provider.calls();
            for (String body : all) {
                assertThat(askProxy(proxy, body)).isTrue();
            }
            List<Program> readers = new ArrayList<>();
            for (String client : CLIENTS) {
                readers.add(new Program(client, "all"));
            }
            for (Program program : readers) {
                assertThat(program.next()).isEqualTo("hits " + CachingProgram.PROMPTS);
                program.end();
            }
            assertThat(provider.calls()).isEqualTo(calls);
        }
    }
}
