package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import dev.refrain.testing.ScriptedProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Answers that come at once, while the request's own thread may still be working. Whichever thread writes an answer,
 * the answer is whole. The next answer on that connection is whole, too, although its request may come before the
 * server knows that the first answer has ended.
 */
class FetchedAnswersTest extends WireTest {
    private static final int CLIENTS = 6;
    private static final int EACH = 150;
    private static final int[] LENGTHS = {0, 1, 500, 4_000, 4_097, 9_000, 70_000, 400_000};

    private static String body(int client, int number, int length) {
        return "{\"client\":" + client + ",\"number\":" + number + ",\"length\":" + length + "}";
    }

    private static String request(String body, boolean isCached) {
        return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: " + isCached
                + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
    }

    private static String answer(String body) {
        int length = Integer.parseInt(body.replaceFirst(".*\"length\":(\\d+)}", "$1"));
        return "{\"choices\":[{\"finish_reason\":\"stop\"}],\"echo\":" + body + ",\"rest\":\"" + "x".repeat(length)
                + "\"}";
    }

    @Test
    void anAnswerThatComesAtOnceIsWhole() throws Exception {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer(request.body())));
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        List<Future<?>> clients = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            int client = i;
            clients.add(threads.submit(() -> {
                ask(client);
                return null;
            }));
        }
        for (Future<?> client : clients) {
            client.get(60, TimeUnit.SECONDS);
        }
        threads.shutdown();
    }

    /** An uncached call is cut when its client leaves, but a client that leaves after the last byte cuts nothing. */
    @Test
    void aClientThatLeavesWithItsWholeAnswerIsNotCountedAsCut() throws Exception {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer(request.body())));
        int count = 200;
        for (int number = 0; number < count; number++) {
            try (RawClient connection = new RawClient(proxy.port())) {
                String body = body(0, number, 500);
                connection.send(request(body, false));
                assertThat(connection.readResponse()).endsWith(answer(body));
            }
        }
        assertThat(proxy.activity(count).query(Filter.ALL, count, null).data()).noneMatch(Activity::cut);
    }

    private void ask(int client) throws Exception {
        Random random = new Random(client);
        for (int number = 0; number < EACH; ) {
            try (RawClient connection = new RawClient(proxy.port())) {
                boolean isOpen = true;
                while (isOpen && number < EACH) {
                    List<String> bodies = new ArrayList<>();
                    StringBuilder sent = new StringBuilder();
                    // A client that does not ask for caching, and closes its side, counts as gone.
                    boolean isLast = random.nextInt(20) == 0;
                    // Sometimes two at a time: the second request is there before the first is answered.
                    for (int i = random.nextInt(5) == 0 ? 2 : 1; i > 0; i--) {
                        String body = body(client, number++, LENGTHS[random.nextInt(LENGTHS.length)]);
                        bodies.add(body);
                        sent.append(request(body, isLast || random.nextInt(4) > 0));
                    }
                    connection.send(sent.toString());
                    if (isLast) {
                        connection.finishSending();
                        isOpen = false;
                    }
                    for (String body : bodies) {
                        assertThat(connection.readResponse())
                                .startsWith("HTTP/1.1 200")
                                .endsWith("\r\n\r\n" + answer(body));
                    }
                }
            }
        }
    }
}
