package dev.refrain.jmh;

import com.openai.core.http.HttpResponse;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.langchain4j.http.client.HttpMethod;
import dev.langchain4j.http.client.HttpRequest;
import dev.refrain.engine.CachedResponse;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * Measures the same hit through each front-end inside a program, through the engine and through the proxy, and the
 * client libraries' own time. Each operation builds a request of the library and reads the whole body, at the place
 * where the cache is inserted. {@code openAiSdk} measures a whole call of the SDK with a hit, and
 * {@code openAiSdkAlone} with an answer in memory.
 */
public class ClientHitBenchmark extends MeasuredInForks {
    private static final MediaType JSON = MediaType.get("application/json");

    /** A hit of the engine alone, the baseline of the other benchmarks. */
    @Benchmark
    public CachedResponse engine(CachedClients clients, Requests requests) {
        byte[] body = requests.next();
        CachedResponse hit = clients.lookup.find(clients.context, body, 0, body.length);
        if (hit == null) {
            throw HitBenchmark.miss();
        }
        return hit;
    }

    /** The cache's part for any library: from a request's head and body to an answer's header and body. */
    @Benchmark
    public byte[] client(CachedClients clients, Requests requests) throws IOException {
        return clients.client
                .execute(new CachedClients.PlainRequest(requests.next()))
                .whole();
    }

    @Benchmark
    public byte[] okHttp(CachedClients clients, Requests requests) throws IOException {
        return call(clients.okHttp, CachedClients.URL, requests.next());
    }

    /** OkHttp's own time when an interceptor has the answer. */
    @Benchmark
    public byte[] okHttpAlone(CachedClients clients, Requests requests) throws IOException {
        return call(clients.okHttpAlone, CachedClients.URL, requests.next());
    }

    @Benchmark
    public byte[] okHttpThroughTheProxy(HitsOfAProxy proxy, Requests requests) throws IOException {
        return call(proxy.client, proxy.url, requests.next());
    }

    static byte[] call(okhttp3.OkHttpClient client, String url, byte[] body) throws IOException {
        Request request = new Request.Builder()
                .url(url)
                .header("Authorization", CachedClients.BEARER)
                .header("X-OpenRouter-Cache", "true")
                .post(RequestBody.create(body, JSON))
                .build();
        try (Response response = client.newCall(request).execute()) {
            return response.body().bytes();
        }
    }

    @Benchmark
    public byte[] openAi(CachedClients clients, Requests requests) throws IOException {
        byte[] body = requests.next();
        try (HttpResponse response = clients.openAi.execute(com.openai.core.http.HttpRequest.builder()
                        .method(com.openai.core.http.HttpMethod.POST)
                        .baseUrl(CachedClients.BASE)
                        .addPathSegments("chat", "completions")
                        .putHeader("Authorization", CachedClients.BEARER)
                        .body(new CachedClients.BytesBody(body))
                        .build());
                InputStream in = response.body()) {
            return in.readAllBytes();
        }
    }

    @Benchmark
    public ChatCompletion openAiSdk(CachedClients clients) {
        return clients.openAiSdk.chat().completions().create(params());
    }

    @Benchmark
    public ChatCompletion openAiSdkAlone(CachedClients clients) {
        return clients.openAiSdkAlone.chat().completions().create(params());
    }

    private static ChatCompletionCreateParams params() {
        return ChatCompletionCreateParams.builder()
                .model("acme/large-2026")
                .addUserMessage(CachedClients.PROMPT)
                .build();
    }

    @Benchmark
    public byte[] anthropic(CachedClients clients, Requests requests) throws IOException {
        byte[] body = requests.next();
        try (com.anthropic.core.http.HttpResponse response =
                        clients.anthropic.execute(com.anthropic.core.http.HttpRequest.builder()
                                .method(com.anthropic.core.http.HttpMethod.POST)
                                .baseUrl(CachedClients.BASE)
                                .addPathSegments("messages")
                                .putHeader("x-api-key", Requests.API_KEY)
                                .body(new CachedClients.BytesBody(body))
                                .build());
                InputStream in = response.body()) {
            return in.readAllBytes();
        }
    }

    @Benchmark
    public byte[] langChain4j(CachedClients clients, Requests requests) {
        return clients.langChain4j
                .execute(HttpRequest.builder()
                        .method(HttpMethod.POST)
                        .url(CachedClients.URL)
                        .addHeader("Authorization", CachedClients.BEARER)
                        .body(new String(requests.next(), StandardCharsets.US_ASCII))
                        .build())
                .bodyBytes();
    }

    @Benchmark
    public byte[] jdkHttp(CachedClients clients, Requests requests) throws IOException, InterruptedException {
        return clients.jdkHttp
                .send(
                        java.net.http.HttpRequest.newBuilder(CachedClients.CHAT)
                                .header("Authorization", CachedClients.BEARER)
                                .POST(java.net.http.HttpRequest.BodyPublishers.ofByteArray(requests.next()))
                                .build(),
                        BodyHandlers.ofByteArray())
                .body();
    }
}
