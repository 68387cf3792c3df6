package dev.refrain.http.proxy;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.AnthropicClientAsync;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.openai.client.OpenAIClient;
import com.openai.client.OpenAIClientAsync;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.langchain4j.http.client.HttpClientBuilderLoader;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.refrain.anthropic.RefrainAnthropic;
import dev.refrain.engine.ResponseCache;
import dev.refrain.jdkhttp.RefrainHttpClient;
import dev.refrain.langchain4j.RefrainLangChain4j;
import dev.refrain.okhttp.RefrainInterceptor;
import dev.refrain.openai.RefrainOpenAi;
import dev.refrain.semantics.client.RefrainOptions;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/**
 * A program with a cached client, to be killed: {@code CLIENT FILE BASE load|all}. With {@code load}, threads send
 * random prompts until standard input ends; with {@code all}, each prompt is sent once. The program checks every
 * answer. It prints {@code asked} for every few right answers, {@code wrong} for a wrong one, and {@code hits N} when
 * it ends.
 */
final class CachingProgram {
    static final int PROMPTS = 40;
    private static final int THREADS = 2;
    private static final int ANSWERS_A_LINE = 10;

    interface Client {
        /** The text of the answer, and whether it came without a call to the provider. */
        Answer ask(int prompt) throws Exception;
    }

    record Answer(String text, boolean isHit) {}

    private CachingProgram() {}

    public static void main(String[] arguments) throws Exception {
        RefrainOptions options =
                RefrainOptions.builder().ttl(Duration.ofHours(1)).build();
        try (ResponseCache cache = ResponseCache.open(Path.of(arguments[1]), 32 << 20)) {
            String base = arguments[2];
            Client client = client(arguments[0], base, cache, options);
            if (arguments[3].equals("all")) {
                int hits = 0;
                for (int prompt = 0; prompt < PROMPTS; prompt++) {
                    hits += ask(client, prompt) ? 1 : 0;
                }
                System.out.println("hits " + hits);
            } else {
                load(client);
            }
        }
        System.exit(0);
    }

    static Client client(String name, String base, ResponseCache cache, RefrainOptions options) {
        return switch (name) {
            case "okhttp" -> okHttp(base, cache, options);
            case "openai" -> openAi(base, cache, options);
            case "openai-async" -> openAiAsync(base, cache, options);
            case "anthropic" -> anthropic(base, cache, options);
            case "anthropic-async" -> anthropicAsync(base, cache, options);
            case "jdk" -> jdk(base, cache, options);
            case "jdk-async" -> jdkAsync(base, cache, options);
            default -> langChain4j(base, cache, options);
        };
    }

    private static void load(Client client) throws IOException {
        AtomicInteger asked = new AtomicInteger();
        for (int i = 0; i < THREADS; i++) {
            Random random = new Random();
            Thread thread = new Thread(() -> {
                while (true) {
                    ask(client, random.nextInt(PROMPTS));
                    if (asked.incrementAndGet() % ANSWERS_A_LINE == 0) {
                        System.out.println("asked");
                    }
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        while (System.in.read() >= 0) {
            // Ignores the input and waits for its end.
        }
    }

    @SuppressWarnings("CatchingUnchecked") // the test must hear of every failure
    private static boolean ask(Client client, int prompt) {
        try {
            Answer answer = client.ask(prompt);
            if (!answer.text().equals(SharedByProgramsKillIT.text(prompt))) {
                System.out.println("wrong " + prompt + " " + answer);
            }
            return answer.isHit();
        } catch (Throwable e) {
            System.out.println("wrong " + prompt + " " + e);
            return false;
        }
    }

    /** Half of the prompts are streamed. */
    static boolean isStreamed(int prompt) {
        return prompt % 2 == 1;
    }

    static String body(int prompt) {
        return "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"p-" + prompt + "\"}]"
                + (isStreamed(prompt) ? ",\"stream\":true}" : "}");
    }

    private static Client okHttp(String base, ResponseCache cache, RefrainOptions options) {
        OkHttpClient client = new OkHttpClient.Builder()
                .addInterceptor(RefrainInterceptor.of(cache, options))
                .build();
        return prompt -> {
            Request request = new Request.Builder()
                    .url(base + "/chat/completions")
                    .header("Authorization", "Bearer sk-test")
                    .post(RequestBody.create(body(prompt), MediaType.get("application/json")))
                    .build();
            try (Response response = client.newCall(request).execute()) {
                return new Answer(
                        SharedByProgramsKillIT.contentOf(response.body().string()),
                        "HIT".equals(response.header("X-OpenRouter-Cache-Status")));
            }
        };
    }

    private static Client jdk(String base, ResponseCache cache, RefrainOptions options) {
        HttpClient client = RefrainHttpClient.wrap(HttpClient.newHttpClient(), cache, options);
        return prompt -> answer(client.send(jdkRequest(base, prompt), HttpResponse.BodyHandlers.ofString()));
    }

    private static Client jdkAsync(String base, ResponseCache cache, RefrainOptions options) {
        HttpClient client = RefrainHttpClient.wrap(HttpClient.newHttpClient(), cache, options);
        return prompt -> answer(client.sendAsync(jdkRequest(base, prompt), HttpResponse.BodyHandlers.ofString())
                .get(60, TimeUnit.SECONDS));
    }

    private static HttpRequest jdkRequest(String base, int prompt) {
        return HttpRequest.newBuilder(URI.create(base + "/chat/completions"))
                .header("Authorization", "Bearer sk-test")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body(prompt)))
                .build();
    }

    private static Answer answer(HttpResponse<String> response) throws IOException {
        String status =
                response.headers().firstValue("X-OpenRouter-Cache-Status").orElseThrow();
        return new Answer(SharedByProgramsKillIT.contentOf(response.body()), "HIT".equals(status));
    }

    private static OpenAIClient openAiClient(String base, ResponseCache cache, RefrainOptions options) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(base)
                .apiKey("sk-test")
                .build()
                .withOptions(o -> o.httpClient(RefrainOpenAi.wrap(
                        com.openai.client.okhttp.OkHttpClient.builder().build(), cache, options)));
    }

    private static ChatCompletionCreateParams chat(int prompt) {
        return ChatCompletionCreateParams.builder()
                .model("m")
                .addUserMessage("p-" + prompt)
                .build();
    }

    private static Answer answer(ChatCompletion answer) {
        return new Answer(
                answer.choices().get(0).message().content().orElseThrow(),
                answer.usage().orElseThrow().totalTokens() == 0);
    }

    private static Answer answer(List<ChatCompletionChunk> chunks) {
        StringBuilder text = new StringBuilder();
        for (ChatCompletionChunk chunk : chunks) {
            chunk.choices().forEach(choice -> choice.delta().content().ifPresent(text::append));
        }
        return new Answer(text.toString(), chunks.get(0).id().startsWith("gen-"));
    }

    private static Client openAi(String base, ResponseCache cache, RefrainOptions options) {
        OpenAIClient client = openAiClient(base, cache, options);
        return prompt -> {
            if (!isStreamed(prompt)) {
                return answer(client.chat().completions().create(chat(prompt)));
            }
            try (StreamResponse<ChatCompletionChunk> stream =
                    client.chat().completions().createStreaming(chat(prompt))) {
                return answer(stream.stream().toList());
            }
        };
    }

    private static Client openAiAsync(String base, ResponseCache cache, RefrainOptions options) {
        OpenAIClientAsync client = openAiClient(base, cache, options).async();
        return prompt -> {
            if (!isStreamed(prompt)) {
                return answer(client.chat().completions().create(chat(prompt)).get(60, TimeUnit.SECONDS));
            }
            List<ChatCompletionChunk> chunks = new CopyOnWriteArrayList<>();
            client.chat()
                    .completions()
                    .createStreaming(chat(prompt))
                    .subscribe(chunks::add)
                    .onCompleteFuture()
                    .get(60, TimeUnit.SECONDS);
            return answer(chunks);
        };
    }

    private static AnthropicClient anthropicClient(String base, ResponseCache cache, RefrainOptions options) {
        return AnthropicOkHttpClient.builder()
                // The SDK adds /v1.
                .baseUrl(base.replace("/v1", ""))
                .apiKey("sk-test")
                .addInterceptor(RefrainAnthropic.interceptor(cache, options))
                .build();
    }

    private static MessageCreateParams message(int prompt) {
        return MessageCreateParams.builder()
                .model("m")
                .maxTokens(100)
                .addUserMessage("p-" + prompt)
                .build();
    }

    private static Answer answer(Message answer) {
        return new Answer(answer.content().get(0).asText().text(), answer.id().startsWith("gen-"));
    }

    private static Client anthropic(String base, ResponseCache cache, RefrainOptions options) {
        AnthropicClient client = anthropicClient(base, cache, options);
        return prompt -> {
            if (!isStreamed(prompt)) {
                return answer(client.messages().create(message(prompt)));
            }
            MessageAccumulator whole = MessageAccumulator.create();
            try (var stream = client.messages().createStreaming(message(prompt))) {
                stream.stream().forEach(whole::accumulate);
            }
            return answer(whole.message());
        };
    }

    private static Client anthropicAsync(String base, ResponseCache cache, RefrainOptions options) {
        AnthropicClientAsync client = anthropicClient(base, cache, options).async();
        return prompt -> {
            if (!isStreamed(prompt)) {
                return answer(client.messages().create(message(prompt)).get(60, TimeUnit.SECONDS));
            }
            MessageAccumulator whole = MessageAccumulator.create();
            client.messages()
                    .createStreaming(message(prompt))
                    .subscribe(whole::accumulate)
                    .onCompleteFuture()
                    .get(60, TimeUnit.SECONDS);
            return answer(whole.message());
        };
    }

    private static Client langChain4j(String base, ResponseCache cache, RefrainOptions options) {
        OpenAiChatModel model = OpenAiChatModel.builder()
                .baseUrl(base)
                .apiKey("sk-test")
                .modelName("m")
                .httpClientBuilder(
                        RefrainLangChain4j.wrap(HttpClientBuilderLoader.loadHttpClientBuilder(), cache, options))
                .build();
        OpenAiStreamingChatModel streaming = OpenAiStreamingChatModel.builder()
                .baseUrl(base)
                .apiKey("sk-test")
                .modelName("m")
                .httpClientBuilder(
                        RefrainLangChain4j.wrap(HttpClientBuilderLoader.loadHttpClientBuilder(), cache, options))
                .build();
        return prompt -> {
            ChatResponse response;
            if (isStreamed(prompt)) {
                CompletableFuture<ChatResponse> done = new CompletableFuture<>();
                streaming.chat("p-" + prompt, new StreamingChatResponseHandler() {
                    @Override
                    public void onCompleteResponse(ChatResponse whole) {
                        done.complete(whole);
                    }

                    @Override
                    public void onError(Throwable error) {
                        done.completeExceptionally(error);
                    }
                });
                response = done.get(60, TimeUnit.SECONDS);
            } else {
                response = model.chat(dev.langchain4j.data.message.UserMessage.from("p-" + prompt));
            }
            return new Answer(response.aiMessage().text(), response.id().startsWith("gen-"));
        };
    }
}
