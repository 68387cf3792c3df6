package dev.refrain.okhttp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestLog;
import dev.refrain.semantics.client.RequestRecord;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSink;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Features of OkHttp only: async calls, cancelling, time limits, interceptors around this one, kinds of bodies. Long,
 * since all of it needs the same client, provider and cache.
 */
class RefrainInterceptorTest {
    private static final String STATUS = "X-OpenRouter-Cache-Status";
    private static final String REQUEST = "{\"model\":\"m\"}";
    private static final String CHUNK = "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    private static final String END =
            "data: {\"id\":\"c\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

    private static final long PAUSE_MILLIS = 200;

    private final ResponseCache cache = Caches.onHeap();
    private final CountDownLatch proceed = new CountDownLatch(1);
    private ScriptedProvider provider;
    private OkHttpClient client;

    @BeforeEach
    void start() throws IOException {
        provider = new ScriptedProvider();
        client = clientWith(RefrainOptions.DEFAULTS);
    }

    @AfterEach
    void stop() {
        proceed.countDown();
        cache.close();
        provider.close();
        client.dispatcher().executorService().shutdown();
        client.connectionPool().evictAll();
    }

    private OkHttpClient clientWith(RefrainOptions options) {
        return new OkHttpClient.Builder()
                .addInterceptor(RefrainInterceptor.of(cache, options))
                .build();
    }

    private Request request() {
        return request(RequestBody.create(REQUEST.getBytes(StandardCharsets.UTF_8), Caches.JSON));
    }

    private Request request(RequestBody body) {
        return new Request.Builder()
                .url(provider.base() + "/chat/completions")
                .header("Authorization", "Bearer sk-test")
                .post(body)
                .build();
    }

    private static String status(OkHttpClient client, Request request) throws IOException {
        try (Response response = client.newCall(request).execute()) {
            response.body().string();
            return response.header(STATUS);
        }
    }

    /** Makes the provider stop in the middle of its stream until the test lets it go on. */
    private void streamHalf() {
        provider.does((exchange, received) -> {
            ScriptedProvider.stream(exchange, CHUNK);
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.write(exchange, END);
        });
    }

    private static CompletableFuture<Response> enqueue(Call call) {
        CompletableFuture<Response> answer = new CompletableFuture<>();
        call.enqueue(new Callback() {
            @Override
            public void onFailure(Call failed, IOException e) {
                answer.completeExceptionally(e);
            }

            @Override
            public void onResponse(Call done, Response response) {
                answer.complete(response);
            }
        });
        return answer;
    }

    @Test
    void oneLineIsEnough() throws IOException {
        OkHttpClient plain = new OkHttpClient.Builder()
                .addInterceptor(RefrainInterceptor.of(cache))
                .build();
        assertThat(status(plain, request())).isEqualTo("MISS");
        assertThat(status(plain, request())).isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void enqueuedCallsAreCachedToo() throws Exception {
        for (String expected : List.of("MISS", "HIT")) {
            try (Response response = enqueue(client.newCall(request())).get(60, TimeUnit.SECONDS)) {
                assertThat(response.header(STATUS)).isEqualTo(expected);
                assertThat(response.body().string()).contains("finish_reason");
            }
        }
    }

    @Test
    void w29_aCallThatIsCancelledBeforeItsAnswerIsStored() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        provider.does((exchange, received) -> {
            called.countDown();
            assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue();
            ScriptedProvider.json(exchange, 200, ScriptedProvider.COMPLETE);
        });
        Call call = client.newCall(request());
        CompletableFuture<Response> answer = enqueue(call);
        assertThat(called.await(60, TimeUnit.SECONDS)).isTrue();
        call.cancel();
        assertThatThrownBy(() -> answer.get(60, TimeUnit.SECONDS)).hasCauseInstanceOf(IOException.class);
        proceed.countDown();
        // This request joins the call, or finds its stored answer.
        assertThat(status(client, request())).isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void w29_aCallThatIsCancelledHalfWayCutsNobodyOff() throws Exception {
        streamHalf();
        RequestBody stream = RequestBody.create("{\"stream\":true}".getBytes(StandardCharsets.UTF_8), Caches.JSON);
        Call call = client.newCall(request(stream));
        try (Response leader = call.execute();
                Response follower = client.newCall(request(stream)).execute()) {
            assertThat(leader.body().source().readUtf8Line()).startsWith("data: ");
            assertThat(follower.body().source().readUtf8Line()).startsWith("data: ");
            call.cancel();
            // Reads the blank line, which has arrived already.
            leader.body().source().readUtf8Line();
            assertThatThrownBy(() -> leader.body().source().readUtf8Line()).isInstanceOf(IOException.class);
            proceed.countDown();
            assertThat(follower.body().string()).contains("[DONE]");
        }
        assertThat(status(client, request(stream))).isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theCallTimeoutLimitsHowLongTheProgramWaits() throws IOException {
        streamHalf();
        OkHttpClient hasty =
                client.newBuilder().callTimeout(Duration.ofSeconds(1)).build();
        RequestBody stream = RequestBody.create("{\"stream\":true}".getBytes(StandardCharsets.UTF_8), Caches.JSON);
        assertThatThrownBy(() -> {
                    try (Response response = hasty.newCall(request(stream)).execute()) {
                        response.body().string();
                    }
                })
                .isInstanceOf(InterruptedIOException.class);
        proceed.countDown();
        assertThat(status(client, request(stream))).isEqualTo("HIT");
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theReadTimeoutIsTheClientsOwn() {
        provider.does((exchange, received) ->
                assertThat(proceed.await(60, TimeUnit.SECONDS)).isTrue());
        OkHttpClient hasty =
                client.newBuilder().readTimeout(Duration.ofMillis(200)).build();
        assertThatThrownBy(() -> hasty.newCall(request()).execute()).isInstanceOf(SocketTimeoutException.class);
    }

    @Test
    void theReadTimeoutLimitsHowLongItWaitsForTheNextPieceOfAnothersStream() throws IOException {
        streamHalf();
        RequestBody stream = RequestBody.create("{\"stream\":true}".getBytes(StandardCharsets.UTF_8), Caches.JSON);
        OkHttpClient hasty =
                client.newBuilder().readTimeout(Duration.ofMillis(200)).build();
        try (Response leader = client.newCall(request(stream)).execute();
                Response follower = hasty.newCall(request(stream)).execute()) {
            assertThat(follower.body().source().readUtf8Line()).startsWith("data: ");
            follower.body().source().readUtf8Line();
            assertThatThrownBy(() -> follower.body().source().readUtf8Line())
                    .isInstanceOf(SocketTimeoutException.class);
            proceed.countDown();
            assertThat(leader.body().string()).contains("[DONE]");
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void eachAttemptOfARetryMeetsTheCacheOnce() throws IOException {
        AtomicInteger calls = new AtomicInteger();
        provider.does((exchange, received) ->
                ScriptedProvider.json(exchange, calls.getAndIncrement() == 0 ? 503 : 200, ScriptedProvider.COMPLETE));
        List<String> attempts = new ArrayList<>();
        Interceptor retry = chain -> {
            Response response = chain.proceed(chain.request());
            attempts.add(response.header(STATUS));
            if (response.code() == 503) {
                response.close();
                response = chain.proceed(chain.request());
                attempts.add(response.header(STATUS));
            }
            return response;
        };
        OkHttpClient retrying = new OkHttpClient.Builder()
                .addInterceptor(retry)
                .addInterceptor(RefrainInterceptor.of(cache))
                .build();
        assertThat(status(retrying, request())).isEqualTo("MISS");
        assertThat(status(retrying, request())).isEqualTo("HIT");
        assertThat(attempts).containsExactly("MISS", "MISS", "HIT");
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void interceptorsBeforeItSeeHitsAndThoseAfterItSeeCalls() throws IOException {
        AtomicInteger before = new AtomicInteger();
        AtomicInteger after = new AtomicInteger();
        OkHttpClient watched = new OkHttpClient.Builder()
                .addInterceptor(chain -> {
                    before.incrementAndGet();
                    return chain.proceed(chain.request());
                })
                .addInterceptor(RefrainInterceptor.of(cache))
                .addInterceptor(chain -> {
                    after.incrementAndGet();
                    return chain.proceed(chain.request());
                })
                .build();
        status(watched, request());
        assertThat(status(watched, request())).isEqualTo("HIT");
        assertThat(before).hasValue(2);
        assertThat(after).hasValue(1);
    }

    @Test
    void aHitIsAnsweredOnTheThreadThatAsks() throws IOException {
        AtomicInteger tasks = new AtomicInteger();
        OkHttpClient counting = clientWith(RefrainOptions.builder()
                .executor(task -> {
                    tasks.incrementAndGet();
                    new Thread(task).start();
                })
                .build());
        status(counting, request());
        int forTheMiss = tasks.get();
        assertThat(forTheMiss).isPositive();
        assertThat(status(counting, request())).isEqualTo("HIT");
        assertThat(tasks).hasValue(forTheMiss);
    }

    @Test
    void withoutACredentialNothingIsSharedUnlessAScopeIsSet() throws IOException {
        Request anonymous = request().newBuilder().removeHeader("Authorization").build();
        for (int i = 0; i < 2; i++) {
            try (Response response = client.newCall(anonymous).execute()) {
                assertThat(response.header("Cache-Status"))
                        .isEqualTo("refrain; fwd=bypass; detail=no-credential; fwd-status=200");
            }
        }
        OkHttpClient shared = clientWith(RefrainOptions.builder().scope("").build());
        assertThat(status(shared, anonymous)).isEqualTo("MISS");
        assertThat(status(shared, anonymous)).isEqualTo("HIT");
        OkHttpClient other =
                clientWith(RefrainOptions.builder().scope("tenant-7").build());
        assertThat(status(other, anonymous)).isEqualTo("MISS");
        // The program has set the scope, so the credential of a request does not count.
        assertThat(status(other, request())).isEqualTo("HIT");
    }

    @Test
    void w82_optionsHoldWhereTheRequestSaysNothing() throws IOException {
        OkHttpClient off = clientWith(RefrainOptions.builder().on(false).build());
        assertThat(status(off, request())).isNull();
        assertThat(status(
                        off,
                        request()
                                .newBuilder()
                                .header("X-OpenRouter-Cache", "true")
                                .build()))
                .isEqualTo("MISS");
        OkHttpClient named = clientWith(RefrainOptions.builder()
                .ttl(Duration.ofHours(1))
                .namespace("invoices")
                .build());
        try (Response response = named.newCall(request()).execute()) {
            assertThat(response.header(STATUS)).isEqualTo("MISS");
            assertThat(response.header("X-OpenRouter-Cache-TTL")).isEqualTo("3600");
        }
        assertThat(status(named, request())).isEqualTo("HIT");
        Request inNamespace =
                request().newBuilder().header("X-Refrain-Namespace", "invoices").build();
        assertThat(status(client, inNamespace)).isEqualTo("HIT");
        assertThat(status(clientWith(RefrainOptions.builder().sample(3).build()), request()))
                .isEqualTo("MISS");
        assertThat(provider.received())
                .allSatisfy(received -> assertThat(received.headers()).doesNotContainKey("X-Refrain-Namespace"));
    }

    @Test
    void bodiesOfAnyKindReachTheProvider() throws IOException {
        for (boolean isOneShot : new boolean[] {false, true}) {
            for (int length : new int[] {-1, REQUEST.length()}) {
                int before = provider.calls();
                AtomicReference<String> writtenTwice = new AtomicReference<>();
                RequestBody body = new RequestBody() {
                    private boolean written;

                    @Override
                    public MediaType contentType() {
                        return Caches.JSON;
                    }

                    @Override
                    public long contentLength() {
                        return length;
                    }

                    @Override
                    public boolean isOneShot() {
                        return isOneShot;
                    }

                    @Override
                    public void writeTo(BufferedSink sink) throws IOException {
                        if (written && isOneShot) {
                            writtenTwice.set("a body that can be written once");
                        }
                        written = true;
                        sink.writeUtf8(REQUEST);
                    }
                };
                String status = status(client, request(body));
                assertThat(status).isEqualTo(before == 0 || (isOneShot && length < 0) ? "MISS" : "HIT");
                assertThat(writtenTwice).hasNullValue();
            }
        }
        assertThat(provider.received())
                .allSatisfy(received -> assertThat(received.body()).isEqualTo(REQUEST));
    }

    /** Wire rule W87. The second half is sent PAUSE_MILLIS after the first has been read. */
    @Test
    void w87_aStreamIsReplayedAtThePaceAtWhichItCame() throws Exception {
        streamHalf();
        try (ResponseCache pacing =
                ResponseCache.onHeap(4 << 20).recordPace(true).open()) {
            OkHttpClient paced = new OkHttpClient.Builder()
                    .addInterceptor(RefrainInterceptor.of(pacing))
                    .build();
            Request streamed = request(RequestBody.create("{\"stream\":true}", Caches.JSON));
            try (Response miss = paced.newCall(streamed).execute()) {
                miss.body().source().require(CHUNK.length());
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
                proceed.countDown();
                assertThat(miss.body().string()).isEqualTo(CHUNK + END);
            }
            Request recorded =
                    streamed.newBuilder().header("X-Refrain-Replay", "recorded").build();
            for (int i = 0; i < 2; i++) {
                long start = System.nanoTime();
                assertThat(status(paced, recorded)).isEqualTo("HIT");
                // A lower bound only: on a busy machine the replay may take any time.
                assertThat(System.nanoTime() - start)
                        .isGreaterThan(TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS * 8 / 10));
            }
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void aProgramsOwnLogHearsHowEachRequestEnds() throws IOException {
        List<String> told = new ArrayList<>();
        RequestLog log = (endpoint, caller) -> new RequestRecord() {
            @Override
            public void head(int status, String id, CacheOutcome outcome) {
                told.add(endpoint.id() + " " + outcome.getClass().getSimpleName());
            }

            @Override
            public void served(boolean broken) {
                told.add(broken ? "broken" : "served");
            }

            @Override
            public String cost(Savings savings) {
                return null;
            }
        };
        OkHttpClient logged = clientWith(RefrainOptions.builder().log(log).build());
        status(logged, request());
        status(logged, request());
        assertThat(told).containsExactly("chat Miss", "served", "chat Hit", "served");
        told.clear();
        RequestBody broken = new RequestBody() {
            @Override
            public MediaType contentType() {
                return Caches.JSON;
            }

            @Override
            public void writeTo(BufferedSink sink) throws IOException {
                throw new IOException("no body");
            }
        };
        assertThatThrownBy(() -> status(logged, request(broken))).hasMessage("no body");
        assertThat(told).containsExactly("broken");
    }

    @Test
    void w26b_theIdOfAHitLeadsToTheProvidersAnswer() throws IOException {
        provider.does((exchange, received) -> ScriptedProvider.json(
                exchange, 200, "{\"id\":\"resp_1\",\"created_at\":1,\"status\":\"completed\",\"error\":null}"));
        Request ask = request().newBuilder().url(provider.base() + "/responses").build();
        status(client, ask);
        String id;
        try (Response hit = client.newCall(ask).execute()) {
            assertThat(hit.header(STATUS)).isEqualTo("HIT");
            id = hit.header("X-Generation-Id");
        }
        Request.Builder other = ask.newBuilder();
        client.newCall(other.url(provider.base() + "/responses/" + id + "/input_items?limit=2")
                        .get()
                        .build())
                .execute()
                .close();
        String next = "{\"previous_response_id\":\"" + id + "\"}";
        client.newCall(ask.newBuilder()
                        .post(RequestBody.create(next.getBytes(StandardCharsets.UTF_8), Caches.JSON))
                        .build())
                .execute()
                .close();
        assertThat(provider.received().get(1).uri()).isEqualTo("/api/v1/responses/resp_1/input_items?limit=2");
        assertThat(provider.received().get(2).body()).isEqualTo("{\"previous_response_id\":\"resp_1\"}");
    }
}
