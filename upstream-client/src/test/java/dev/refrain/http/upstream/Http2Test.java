package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.testing.Http2Provider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;

/** Shared by the tests of HTTP/2: a client and a provider on real sockets. */
@Timeout(120)
abstract class Http2Test {
    static final Duration LONG = Duration.ofSeconds(30);
    static final String OK = "{\"ok\":true}";

    final MemoryBudget memory = new MemoryBudget(512 << 20);
    /** Interim responses. */
    final BlockingQueue<ResponseHead> interims = new LinkedBlockingQueue<>();

    Http2Provider provider;
    UpstreamClient client;

    void start(Http2Provider.Script script) throws IOException {
        start(LONG, LONG, LONG, script);
    }

    void start(Duration connect, Duration response, Duration idle, Http2Provider.Script script) throws IOException {
        provider = new Http2Provider(script);
        client = client(connect, response, idle, LONG, true);
    }

    UpstreamClient client(Duration connect, Duration response, Duration idle, Duration keepAlive, boolean http2) {
        return client(connect, response, idle, keepAlive, http2, memory, null);
    }

    static UpstreamClient client(
            Duration connect,
            Duration response,
            Duration idle,
            Duration keepAlive,
            boolean http2,
            MemoryBudget memory,
            Timers time) {
        return new UpstreamClient(
                new UpstreamOptions(
                        new UpstreamOptions.Timeouts(connect, response, idle, idle, keepAlive),
                        5000,
                        ProxyRules.NONE,
                        Http2Provider.TLS,
                        http2),
                memory,
                most -> {},
                null,
                time);
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        provider.close();
        until(() -> memory.usedBytes() == 0);
    }

    CollectedAnswer post(String body) {
        return call(request("POST", new HeldBody(body.getBytes(StandardCharsets.UTF_8))));
    }

    CollectedAnswer call(UpstreamRequest request) {
        CollectedAnswer answer = new CollectedAnswer();
        fetch(request, answer);
        return answer;
    }

    Upstream.Call fetch(UpstreamRequest request, CollectedAnswer answer) {
        return new UpstreamCall(client, request, true, interims::add).fetch(answer);
    }

    UpstreamRequest request(String method, RequestBody body, String... fields) {
        UpstreamRequest.Line[] lines = new UpstreamRequest.Line[fields.length / 2];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = new UpstreamRequest.Line(fields[2 * i], fields[2 * i + 1]);
        }
        return new UpstreamRequest(
                method, new Origin(true, "127.0.0.1", provider.port()), "/v1/chat?x=1", List.of(lines), body);
    }

    /** Answers all requests on a connection. */
    static void answerAll(Http2Provider.Connection connection) throws IOException {
        while (true) {
            connection.answer(connection.request().stream(), OK);
        }
    }

    static void await(CountDownLatch latch) {
        until(() -> latch.getCount() == 0);
    }
}
