package dev.refrain.jmh;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.RequestOptions;
import com.openai.core.http.Headers;
import com.openai.core.http.HttpClient;
import com.openai.core.http.HttpRequest;
import com.openai.core.http.HttpRequestBody;
import com.openai.core.http.HttpResponse;
import dev.langchain4j.http.client.HttpClientBuilder;
import dev.refrain.anthropic.RefrainAnthropic;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.Lookup;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.jdkhttp.RefrainHttpClient;
import dev.refrain.langchain4j.RefrainLangChain4j;
import dev.refrain.okhttp.RefrainInterceptor;
import dev.refrain.openai.RefrainOpenAi;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.ClientRequest;
import dev.refrain.semantics.client.HeadDigest;
import dev.refrain.semantics.client.ProviderAnswer;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestUrl;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Wrapped clients of all kinds over one cache that has an answer to every request. No provider is behind them. */
@State(Scope.Benchmark)
public class CachedClients {
    static final String BASE = "http://provider.invalid/v1";
    static final String URL = BASE + "/chat/completions";
    static final URI CHAT = URI.create(URL);
    static final String BEARER = "Bearer " + Requests.API_KEY;
    static final String PROMPT = EnglishText.of(7, 700);

    private static final String MESSAGE_TAIL = "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":"
            + "{\"input_tokens\":214,\"output_tokens\":871}}";

    private TemporaryCache temporary;

    Lookup lookup;
    KeyContext context;
    ClientCache client;
    OkHttpClient okHttp;
    OkHttpClient okHttpAlone;
    HttpClient openAi;
    OpenAIClient openAiSdk;
    OpenAIClient openAiSdkAlone;
    com.anthropic.core.http.HttpClient anthropic;
    dev.langchain4j.http.client.HttpClient langChain4j;
    java.net.http.HttpClient jdkHttp;

    @Setup(Level.Trial)
    public void fill(Popularity popularity, ChatAnswers answers) throws IOException {
        int entries = popularity.entries();
        temporary = new TemporaryCache(answers.roomyCapacity(2 * entries), settings -> settings);
        ResponseCache cache = temporary.cache();
        lookup = cache.pipeline().newLookup();
        context = context(Endpoint.CHAT);
        KeyContext messages = context(Endpoint.MESSAGES);
        Requests requests = new Requests();
        for (int entry = 0; entry < entries; entry++) {
            store(context, requests.to(entry), answers.answer(entry));
            store(messages, requests.to(entry), message(answers.answer(entry)));
        }
        client = ClientCache.of(cache, RefrainOptions.DEFAULTS);
        byte[] answer = answers.answer(0);
        okHttp = new OkHttpClient.Builder()
                .addInterceptor(RefrainInterceptor.of(cache))
                .build();
        okHttpAlone = new OkHttpClient.Builder()
                .addInterceptor(chain -> new Response.Builder()
                        .request(chain.request())
                        .protocol(Protocol.HTTP_1_1)
                        .code(200)
                        .message("OK")
                        .body(ResponseBody.create(answer, MediaType.get("application/json")))
                        .build())
                .build();
        openAi = RefrainOpenAi.wrap(none(HttpClient.class), cache);
        openAiSdkAlone = sdk(new InMemory(answer));
        openAiSdk = sdk(RefrainOpenAi.wrap(new InMemory(answer), cache));
        anthropic = RefrainAnthropic.interceptor(cache).intercept(none(com.anthropic.core.http.HttpClient.class));
        langChain4j = RefrainLangChain4j.wrap(new NoBuilder(), cache).build();
        jdkHttp = RefrainHttpClient.wrap(java.net.http.HttpClient.newHttpClient(), cache);
    }

    private static OpenAIClient sdk(HttpClient client) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(BASE)
                .apiKey(Requests.API_KEY)
                .build()
                .withOptions(options -> options.httpClient(client));
    }

    private KeyContext context(Endpoint endpoint) {
        return temporary
                .cache()
                .pipeline()
                .context(endpoint, temporary.cache().pipeline().scope(Requests.API_KEY))
                .upstream(BASE)
                .build();
    }

    private void store(KeyContext with, byte[] request, byte[] answer) {
        ResponseCache cache = temporary.cache();
        if (!cache.store(
                cache.key(CacheRequest.of(with, request)).orElseThrow(),
                ChatAnswers.CONTENT_TYPE,
                answer,
                CacheControls.MAX_TTL)) {
            throw new IllegalStateException("not stored: " + new String(answer, StandardCharsets.UTF_8));
        }
    }

    /** An answer in Anthropic's format, of the same length as the given chat answer. */
    private static byte[] message(byte[] chat) {
        String head = "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"acme/large-2026\","
                + "\"content\":[{\"type\":\"text\",\"text\":\"";
        String text = EnglishText.of(chat[30], chat.length - head.length() - MESSAGE_TAIL.length());
        return (head + text + MESSAGE_TAIL).getBytes(StandardCharsets.US_ASCII);
    }

    @TearDown(Level.Trial)
    public void close() throws IOException {
        temporary.close();
    }

    /** A client that must not be called. */
    private static <T> T none(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, given) -> {
            throw HitBenchmark.miss();
        }));
    }

    private static final class NoBuilder implements HttpClientBuilder {
        @Override
        public Duration connectTimeout() {
            return null;
        }

        @Override
        public HttpClientBuilder connectTimeout(Duration timeout) {
            return this;
        }

        @Override
        public Duration readTimeout() {
            return null;
        }

        @Override
        public HttpClientBuilder readTimeout(Duration timeout) {
            return this;
        }

        @Override
        public dev.langchain4j.http.client.HttpClient build() {
            return none(dev.langchain4j.http.client.HttpClient.class);
        }
    }

    /** An SDK's client whose provider is a byte array. */
    private static final class InMemory implements HttpClient {
        private final byte[] answer;

        InMemory(byte[] answer) {
            this.answer = answer;
        }

        @Override
        public HttpResponse execute(HttpRequest request, RequestOptions options) {
            return new HttpResponse() {
                private final InputStream body = new ByteArrayInputStream(answer);

                @Override
                public int statusCode() {
                    return 200;
                }

                @Override
                public Headers headers() {
                    return Headers.builder()
                            .put("Content-Type", "application/json")
                            .put("Content-Length", Integer.toString(answer.length))
                            .build();
                }

                @Override
                public InputStream body() {
                    return body;
                }

                @Override
                public void close() {}
            };
        }

        @Override
        public CompletableFuture<HttpResponse> executeAsync(HttpRequest request, RequestOptions options) {
            return CompletableFuture.completedFuture(execute(request, options));
        }

        @Override
        public void close() {}
    }

    /** A request of a client library that takes no time of its own. */
    static final class PlainRequest implements ClientRequest, RequestFields {
        private static final RequestUrl TO = RequestUrl.of(URL);

        private final byte[] body;

        PlainRequest(byte[] body) {
            this.body = body;
        }

        @Override
        public boolean digest(HeadDigest head) {
            head.add("POST").add(URL).add("Authorization").add(BEARER);
            return true;
        }

        @Override
        public String method() {
            return "POST";
        }

        @Override
        public RequestUrl url() {
            return TO;
        }

        @Override
        public RequestFields fields() {
            return this;
        }

        @Override
        public byte[] body(int limit) {
            return body;
        }

        @Override
        public ProviderAnswer send(byte[] changed) {
            throw HitBenchmark.miss();
        }

        @Override
        public String first(String name) {
            return name.equalsIgnoreCase("Authorization") ? BEARER : null;
        }

        @Override
        public List<String> all(String name) {
            return name.equalsIgnoreCase("Authorization") ? List.of(BEARER) : null;
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {
            action.accept("Authorization", List.of(BEARER));
        }
    }

    /** A body for either SDK. */
    static final class BytesBody implements HttpRequestBody, com.anthropic.core.http.HttpRequestBody {
        private final byte[] bytes;

        BytesBody(byte[] bytes) {
            this.bytes = bytes;
        }

        @Override
        public void writeTo(OutputStream out) {
            try {
                out.write(bytes);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public String contentType() {
            return "application/json";
        }

        @Override
        public long contentLength() {
            return bytes.length;
        }

        @Override
        public boolean repeatable() {
            return true;
        }

        @Override
        public void close() {}
    }
}
