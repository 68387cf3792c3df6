package dev.refrain.langchain4j;

import static dev.langchain4j.http.client.sse.ServerSentEventListenerUtils.ignoringExceptions;

import dev.langchain4j.exception.HttpException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import dev.refrain.semantics.client.ClientAnswer;
import dev.refrain.semantics.client.ClientCache;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * Wraps a client of LangChain4j, and answers from the cache first. Throws the exceptions that LangChain4j's own clients
 * throw.
 *
 * @param timeout null for no limit
 */
record CachingHttpClient(HttpClient client, Duration timeout, ClientCache cache) implements HttpClient {
    @Override
    public SuccessfulHttpResponse execute(HttpRequest request) {
        ModelRequest asked = new ModelRequest(client, request, timeout, false);
        try (ClientAnswer answer = cache.execute(asked)) {
            if (answer == null) {
                return client.execute(asked.passingBy(cache.providersPath(asked)));
            }
            byte[] body =
                    answer.whole() != null ? answer.whole() : answer.body().readAllBytes();
            if (!isSuccessful(answer)) {
                throw new HttpException(answer.status(), new String(body, StandardCharsets.UTF_8));
            }
            return response(answer).body(body).build();
        } catch (IOException e) {
            throw e instanceof InterruptedIOException ? new TimeoutException(e) : new RuntimeException(e);
        }
    }

    @Override
    public void execute(HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
        ModelRequest asked = new ModelRequest(client, request, timeout, true);
        CompletableFuture<ClientAnswer> answer = cache.executeAsync(
                asked, given -> given, e -> e instanceof InterruptedIOException ? new TimeoutException(e) : e);
        if (answer == null) {
            client.execute(asked.passingBy(cache.providersPath(asked)), parser, listener);
            return;
        }
        answer.whenComplete((given, failure) -> {
            if (failure == null) {
                deliver(given, parser, listener);
            } else {
                ignoringExceptions(() -> listener.onError(failure));
            }
        });
    }

    /**
     * Calls the listener in the order in which LangChain4j's own clients do. Blocks while the answer is still arriving.
     */
    private static void deliver(ClientAnswer answer, ServerSentEventParser parser, ServerSentEventListener listener) {
        try (InputStream body = answer.body()) {
            if (!isSuccessful(answer)) {
                String text = new String(body.readAllBytes(), StandardCharsets.UTF_8);
                ignoringExceptions(() -> listener.onError(new HttpException(answer.status(), text)));
                return;
            }
            SuccessfulHttpResponse opened = response(answer).build();
            ignoringExceptions(() -> listener.onOpen(opened));
            parser.parse(body, listener);
            ignoringExceptions(listener::onClose);
        } catch (IOException | RuntimeException e) {
            ignoringExceptions(() -> listener.onError(e));
        }
    }

    private static SuccessfulHttpResponse.Builder response(ClientAnswer answer) {
        return SuccessfulHttpResponse.builder().statusCode(answer.status()).headers(answer.fields());
    }

    private static boolean isSuccessful(ClientAnswer answer) {
        return answer.status() >= 200 && answer.status() < 300;
    }
}
