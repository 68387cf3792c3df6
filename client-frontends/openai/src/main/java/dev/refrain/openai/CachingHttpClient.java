package dev.refrain.openai;

import com.openai.core.RequestOptions;
import com.openai.core.http.Headers;
import com.openai.core.http.HttpClient;
import com.openai.core.http.HttpRequest;
import com.openai.core.http.HttpResponse;
import com.openai.errors.OpenAIIoException;
import dev.refrain.semantics.client.ClientAnswer;
import dev.refrain.semantics.client.ClientCache;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.CompletableFuture;

/** Wraps the SDK's client, and answers from the cache first. */
final class CachingHttpClient implements HttpClient {
    private final HttpClient client;
    private final ClientCache cache;

    CachingHttpClient(HttpClient client, ClientCache cache) {
        this.client = client;
        this.cache = cache;
    }

    @Override
    public HttpResponse execute(HttpRequest request, RequestOptions options) {
        SdkRequest asked = new SdkRequest(client, request, options);
        ClientAnswer answer;
        try {
            answer = cache.execute(asked);
        } catch (IOException e) {
            throw new OpenAIIoException("Request failed", e);
        }
        return answer == null
                ? client.execute(asked.passingBy(cache.providersPath(asked)), options)
                : new Answer(answer);
    }

    @Override
    public CompletableFuture<HttpResponse> executeAsync(HttpRequest request, RequestOptions options) {
        SdkRequest asked = new SdkRequest(client, request, options);
        CompletableFuture<HttpResponse> answer = cache.executeAsync(asked, Answer::new, CachingHttpClient::asOfTheSdk);
        return answer == null ? client.executeAsync(asked.passingBy(cache.providersPath(asked)), options) : answer;
    }

    private static Throwable asOfTheSdk(Throwable failure) {
        return failure instanceof IOException ? new OpenAIIoException("Request failed", failure) : failure;
    }

    @Override
    public void close() {
        client.close();
    }

    private static final class Answer implements HttpResponse {
        private final ClientAnswer answer;
        /** The answer's header fields; null until they are first asked for. Most programs never ask for them. */
        private volatile Headers headers;

        Answer(ClientAnswer answer) {
            this.answer = answer;
        }

        @Override
        public int statusCode() {
            return answer.status();
        }

        @Override
        public Headers headers() {
            Headers made = headers;
            if (made == null) {
                made = Headers.builder().putAll(answer.fields()).build();
                headers = made;
            }
            return made;
        }

        @Override
        public InputStream body() {
            return answer.body();
        }

        @Override
        public void close() {
            answer.close();
        }
    }
}
