package dev.refrain.jmh;

import dev.refrain.engine.ResponseCache;
import dev.refrain.jdkhttp.RefrainHttpClient;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.testing.Embeddings;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Measures a second indexing of documents of which 2 % have changed: without a cache, with a cache of whole requests,
 * and with a cache of items (wire rule W86). 10,000 chunks of 1,000 letters go to a provider in batches of 100. The
 * provider runs in this JVM, over a real socket. It takes 50 ms for a call and 2 microseconds for a letter, and counts
 * a letter as a token.
 */
public final class ReindexFigures {
    private static final int CHUNKS = 10_000;
    private static final int BATCH = 100;
    private static final int CHANGED = CHUNKS / 50;
    private static final int LETTERS = 1000;
    private static final int DIMENSIONS = 1536;
    private static final long CALL_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long LETTER_NANOS = TimeUnit.MICROSECONDS.toNanos(2);

    private final AtomicInteger calls = new AtomicInteger();
    private final AtomicLong tokens = new AtomicLong();
    private final URI target;
    private final List<String> chunks = new ArrayList<>();

    private ReindexFigures(URI base) {
        this.target = URI.create(base + "/embeddings");
        for (int i = 0; i < CHUNKS; i++) {
            chunks.add(chunk(i));
        }
    }

    /** Runs all three variants, and prints a table. */
    public static void main(String[] args) throws IOException, InterruptedException {
        try (ScriptedProvider provider = new ScriptedProvider()) {
            System.out.printf(
                    "%-14s %8s %12s %10s   of a second indexing, %d of %d chunks changed%n",
                    "", "calls", "tokens", "seconds", CHANGED, CHUNKS);
            for (String how : List.of("no cache", "whole", "item by item")) {
                ReindexFigures figures = new ReindexFigures(provider.base());
                provider.does((exchange, request) -> figures.answer(exchange, request.body()));
                figures.run(how);
            }
        }
    }

    private static String chunk(int seed) {
        String text = EnglishText.of(seed, LETTERS).replaceAll("[^A-Za-z ,.]", " ");
        return text.substring(0, Math.min(LETTERS, text.length()));
    }

    private void answer(com.sun.net.httpserver.HttpExchange exchange, String request)
            throws IOException, InterruptedException {
        List<String> texts = Embeddings.texts(request);
        long letters = texts.stream().mapToLong(String::length).sum();
        calls.incrementAndGet();
        tokens.addAndGet(letters);
        StringBuilder data = new StringBuilder();
        for (int i = 0; i < texts.size(); i++) {
            byte[] vector = new byte[DIMENSIONS * Float.BYTES];
            new Random(texts.get(i).hashCode()).nextBytes(vector);
            data.append(i == 0 ? "" : ",")
                    .append("{\"object\":\"embedding\",\"index\":")
                    .append(i)
                    .append(",\"embedding\":\"")
                    .append(Base64.getEncoder().encodeToString(vector))
                    .append("\"}");
        }
        TimeUnit.NANOSECONDS.sleep(CALL_NANOS + letters * LETTER_NANOS);
        ScriptedProvider.json(
                exchange,
                200,
                "{\"object\":\"list\",\"data\":[" + data + "],\"model\":\"m\",\"usage\":{\"prompt_tokens\":" + letters
                        + ",\"total_tokens\":" + letters + "}}");
    }

    private void run(String how) throws IOException, InterruptedException {
        try (ResponseCache cache = ResponseCache.onHeap(1L << 29).open()) {
            RefrainOptions options = RefrainOptions.builder()
                    .ttl(Duration.ofHours(1))
                    .on(!how.equals("no cache"))
                    .itemByItem(how.equals("item by item"))
                    .build();
            HttpClient client = RefrainHttpClient.wrap(HttpClient.newHttpClient(), cache, options);
            index(client);
            Random random = new Random(7);
            for (int i = 0; i < CHANGED; i++) {
                int place = random.nextInt(CHUNKS);
                chunks.set(place, "Changed. " + chunks.get(place));
            }
            calls.set(0);
            tokens.set(0);
            long start = System.nanoTime();
            index(client);
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.printf("%-14s %8d %12d %10.2f%n", how, calls.get(), tokens.get(), seconds);
        }
    }

    private void index(HttpClient client) throws IOException, InterruptedException {
        for (int from = 0; from < CHUNKS; from += BATCH) {
            String body = "{\"model\":\"m\",\"encoding_format\":\"base64\",\"input\":[\""
                    + String.join("\",\"", chunks.subList(from, from + BATCH)) + "\"]}";
            HttpRequest request = HttpRequest.newBuilder(target)
                    .header("Authorization", "Bearer sk-test")
                    .POST(BodyPublishers.ofString(body))
                    .build();
            if (client.send(request, BodyHandlers.ofByteArray()).statusCode() != 200) {
                throw new IllegalStateException("the provider refused");
            }
        }
    }
}
