package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.refrain.semantics.RequestFields;
import dev.refrain.testing.RedisServer;
import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.TcpForwarder;
import io.undertow.util.HeaderMap;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Wire rules W90 to W92: two proxies with files of their own, and a real server between them.
 *
 * <p>Long, since every fault of such a server is tried on the same proxies.
 */
class SharedTierWireTest {
    private static final String SECRET = "a secret of this cluster that nobody can guess";
    private static final String ANSWER = WireTest.CHAT_ANSWER;
    private static final String RESPONSES = "/v1/responses";
    private static final Pattern ID = Pattern.compile("\"id\":\"((?:gen-|resp_)[^\"]+)\"");

    /** Longer than any pause of a busy machine: these tests do not measure speed. */
    private static final long PATIENCE_SECONDS = 30;

    @TempDir
    Path folder;

    private RedisServer redis;
    private ScriptedProvider provider;
    /** A forwarder between proxies and server; null if a test has none. */
    private TcpForwarder line;

    private final List<RunningProxy> proxies = new ArrayList<>();

    @BeforeEach
    void start() throws IOException {
        redis = new RedisServer("--dir", folder.toString(), "--rdbcompression", "no");
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> {
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, WireTest.CHAT_STREAM);
            } else {
                ScriptedProvider.json(exchange, 200, ANSWER);
            }
        });
    }

    @AfterEach
    void stop() {
        proxies.forEach(RunningProxy::close);
        provider.close();
        if (line != null) {
            line.close();
        }
        redis.close();
    }

    private RunningProxy proxy(String uri, String secret, String timeout) throws IOException {
        return proxy(new Steps(), uri, secret, timeout);
    }

    private RunningProxy proxy(Steps steps, String uri, String secret, String timeout) throws IOException {
        Path secretFile = folder.resolve("secret" + proxies.size());
        Files.writeString(secretFile, secret + "\n");
        RunningProxy proxy = new RunningProxy(
                steps,
                folder.resolve("answers" + proxies.size() + ".refrain"),
                provider.base(),
                Map.of(
                        "REFRAIN_SHARED_URI",
                        uri,
                        "REFRAIN_SHARED_SECRET_FILE",
                        secretFile.toString(),
                        "REFRAIN_SHARED_TIMEOUT",
                        timeout));
        proxies.add(proxy);
        return proxy;
    }

    /** A proxy that waits long for the server, so that nothing is lost because this machine is busy. */
    private RunningProxy proxy() throws IOException {
        return proxy(PATIENCE_SECONDS + "s");
    }

    private RunningProxy proxy(String timeout) throws IOException {
        RunningProxy proxy = proxy(redis.uri(), SECRET, timeout);
        until(() -> proxy.shared().isAvailable() && proxy.shared().isConnected());
        return proxy;
    }

    private RunningProxy proxyBehindLine() throws IOException {
        RunningProxy proxy = proxy("redis://127.0.0.1:" + line.port(), SECRET, "50ms");
        until(() -> proxy.shared().isAvailable() && proxy.shared().isConnected());
        return proxy;
    }

    private static String request(int number) {
        return WireTest.CHAT_REQUEST.replace("\"hi\"", "\"hi " + number + "\"");
    }

    /** Fetches an answer through one proxy, and waits until the tier has it. */
    private static void share(RunningProxy proxy, String request) {
        long before = proxy.shared().stores();
        WireTest.assertMiss(proxy.cached(WireTest.CHAT, request));
        until(() -> proxy.shared().stores() > before);
    }

    private static String cacheStatus(HttpResponse<?> answer) {
        return WireTest.header(answer, "Cache-Status");
    }

    @Test
    void w90_anAnswerFetchedByOneProxyIsAHitOfTheOther() throws IOException {
        RunningProxy one = proxy();
        RunningProxy other = proxy();
        for (String request : List.of(request(1), WireTest.CHAT_STREAM_REQUEST)) {
            share(one, request);

            HttpResponse<String> shared = other.cached(WireTest.CHAT, request);
            HttpResponse<String> own = other.cached(WireTest.CHAT, request);

            WireTest.assertHit(shared);
            assertThat(cacheStatus(shared))
                    .matches("refrain-shared; hit; ttl=\\d+, refrain; fwd=miss; stored; key=\"[0-9a-f]{12}\"");
            assertThat(WireTest.header(shared, WireTest.SOURCE)).isNotBlank();
            assertThat(WireTest.header(shared, WireTest.TTL)).isNotBlank();
            assertThat(shared.body()).contains(WireTest.header(shared, WireTest.GENERATION));
            WireTest.assertHit(own);
            assertThat(cacheStatus(own)).startsWith("refrain; hit; ttl=");
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void w91_aClearHoldsForBothProxies() throws IOException {
        RunningProxy one = proxy();
        RunningProxy other = proxy();
        share(one, request(1));
        WireTest.assertHit(other.cached(WireTest.CHAT, request(1)));
        String newer = ANSWER.replace("Hello", "Newer");
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, newer));
        long before = one.shared().stores();

        one.cached(WireTest.CHAT, request(1), "X-OpenRouter-Cache-Clear", "true");
        until(() -> one.shared().stores() > before);

        until(() -> other.cached(WireTest.CHAT, request(1)).body().contains("Newer"));
        WireTest.assertHit(one.cached(WireTest.CHAT, request(1)));
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void w85_anAnswerTakenBackFromOneProxyIsGoneForBoth() throws IOException {
        RunningProxy one = proxy();
        RunningProxy other = proxy();
        share(one, request(1));
        String id = WireTest.header(other.cached(WireTest.CHAT, request(1)), WireTest.GENERATION);
        other.activity(1);
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, ANSWER.replace("Hello", "Newer")));

        HttpResponse<String> taken = other.send(HttpRequest.newBuilder(other.uri("/v1/generation?id=" + id))
                .DELETE()
                .header("Authorization", "Bearer sk-test"));

        assertThat(taken.body()).contains("\"deleted\":true");
        until(() -> one.cached(WireTest.CHAT, request(1)).body().contains("Newer"));
        until(() -> other.cached(WireTest.CHAT, request(1)).body().contains("Newer"));
        assertThat(provider.calls()).isEqualTo(2);
    }

    private static String id(HttpResponse<String> answer) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        Matcher id = ID.matcher(answer.body());
        assertThat(id.find()).as(answer.body()).isTrue();
        return id.group(1);
    }

    /** Each request of a conversation reaches another machine, as behind a load balancer. */
    @Test
    void w26b_theIdOfAHitIsTranslatedByAnotherProxy() throws IOException {
        StatefulProvider state = new StatefulProvider();
        provider.does(state);
        RunningProxy one = proxy();
        RunningProxy other = proxy();
        String first = "{\"model\":\"m\",\"input\":\"one\"}";
        assertThat(id(one.cached(RESPONSES, first))).isEqualTo("resp_1");
        String hit = id(one.cached(RESPONSES, first));
        assertThat(hit).startsWith("gen-");
        // The tier has two entries: the answer, and the note of its id.
        until(() -> redis.list("KEYS", "refrain:1:entry:*").size() == 2);

        // The id in a path, with caching on, off, and over a connection whose head is known.
        HttpRequest.Builder path =
                HttpRequest.newBuilder(other.uri(RESPONSES + "/" + hit)).header("Authorization", "Bearer sk-test");
        assertThat(id(other.send(path))).isEqualTo("resp_1");
        RunningProxy third = proxy();
        String second = "{\"model\":\"m\",\"input\":\"two\",\"previous_response_id\":\"" + hit + "\"}";
        assertThat(id(third.send(third.post(RESPONSES, second)))).isEqualTo("resp_2");
        RunningProxy fourth = proxy();
        WireTest.assertMiss(fourth.cached(RESPONSES, second));
        for (int i = 0; i < 5; i++) {
            WireTest.assertHit(fourth.cached(RESPONSES, second));
        }
        WireTest.assertHit(fourth.cached(RESPONSES, second.replace(hit, "resp_1")));
        assertThat(state.refused()).isZero();
        assertThat(provider.received())
                .last()
                .satisfies(last -> assertThat(last.body()).isEqualTo(second.replace(hit, "resp_1")));
    }

    /**
     * The shortcut looks up a request with such an id before the tier is asked for the id's note. With the note, the
     * request has another key.
     */
    @Test
    void w26b_theShortcutsKeyUsesTheProvidersId() throws IOException {
        StatefulProvider state = new StatefulProvider();
        provider.does(state);
        RunningProxy one = proxy();
        RunningProxy other = proxy();
        String first = "{\"model\":\"m\",\"input\":\"one\"}";
        one.cached(RESPONSES, first);
        String hit = id(one.cached(RESPONSES, first));
        assertThat(hit).startsWith("gen-");
        until(() -> redis.list("KEYS", "refrain:1:entry:*").size() == 2);
        // A turn of the same length, with the same head, over the same connection.
        String turn = "{\"model\":\"m\",\"input\":\"two\",\"previous_response_id\":\"" + hit + "\"}";
        int padding = turn.length() - first.length();
        String before = first.replace("one", "one" + "-".repeat(padding));
        WireTest.assertMiss(other.cached(RESPONSES, before));
        WireTest.assertHit(other.cached(RESPONSES, before));

        WireTest.assertMiss(other.cached(RESPONSES, turn));
        int calls = provider.calls();

        WireTest.assertHit(other.cached(RESPONSES, turn.replace(hit, "resp_1")));
        WireTest.assertHit(other.cached(RESPONSES, turn));
        assertThat(provider.calls()).isEqualTo(calls);
        assertThat(state.refused()).isZero();
    }

    /** Fails when the proxy checks for a websocket, which it does when it forwards a request. */
    private record FailingFields(RequestFields fields, AtomicBoolean isReached) implements RequestFields {
        @Override
        public String first(String name) {
            return fields.first(name);
        }

        @Override
        public List<String> all(String name) {
            if (name.equals("Upgrade")) {
                isReached.set(true);
                throw new IllegalStateException("as a test wants it");
            }
            return fields.all(name);
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {
            fields.forEach(action);
        }
    }

    /** A failure after the tier was asked still reaches the client as an answer. */
    @Test
    void w26b_aFailureAfterAnIdWasAskedForEndsTheRequest() throws IOException {
        provider.does(new StatefulProvider());
        RunningProxy one = proxy();
        String first = "{\"model\":\"m\",\"input\":\"one\"}";
        one.cached(RESPONSES, first);
        String hit = id(one.cached(RESPONSES, first));
        AtomicBoolean isReached = new AtomicBoolean();
        Steps steps = new Steps() {
            @Override
            RequestFields fields(HeaderMap headers) {
                return new FailingFields(super.fields(headers), isReached);
            }
        };
        RunningProxy failing = proxy(steps, redis.uri(), SECRET, PATIENCE_SECONDS + "s");
        until(() -> failing.shared().isAvailable());

        HttpResponse<String> answer = failing.send(
                HttpRequest.newBuilder(failing.uri(RESPONSES + "/" + hit)).header("Authorization", "Bearer sk-test"));

        assertThat(isReached).isTrue();
        assertThat(answer.statusCode()).isEqualTo(502);
    }

    @Test
    void anotherSecretSharesNothing() throws IOException {
        RunningProxy one = proxy();
        share(one, request(1));
        RunningProxy stranger = proxy(redis.uri(), SECRET + " at all", PATIENCE_SECONDS + "s");
        until(() -> stranger.shared().isAvailable());

        WireTest.assertMiss(stranger.cached(WireTest.CHAT, request(1)));
    }

    /** The module of the tier tests the exact ACL rule of docs/CLUSTER.md. */
    @Test
    void aUserNeedsFewRights() throws IOException {
        redis.ask("ACL", "SETUSER", "default", "nopass", "-@all", "+acl", "+config");
        List<String> user = new ArrayList<>(List.of("ACL", "SETUSER", "refrain", "on", ">word", "~refrain:*"));
        user.addAll(List.of("&refrain:*", "+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+time"));
        assertThat(redis.ask(user.toArray(String[]::new))).isEqualTo("+OK");
        String uri = redis.uri().replace("redis://", "redis://refrain:word@");
        RunningProxy one = proxy(uri, SECRET, PATIENCE_SECONDS + "s");
        RunningProxy other = proxy(uri, SECRET, PATIENCE_SECONDS + "s");
        until(() -> one.shared().isAvailable() && other.shared().isConnected());

        share(one, request(1));

        assertThat(cacheStatus(other.cached(WireTest.CHAT, request(1)))).startsWith("refrain-shared; hit");
    }

    /** Faults of the server. */
    enum Fault {
        PAUSED,
        KILLED,
        DENYING,
        FULL,
        READ_ONLY,
        FLUSHED,
        SLOW_BY_10_MS,
        SLOW_BY_100_MS,
        SLOW_BY_1000_MS
    }

    private void breakServer(Fault fault) {
        switch (fault) {
            case PAUSED -> redis.pause();
            case KILLED -> redis.kill();
            case DENYING -> redis.ask("ACL", "SETUSER", "default", "-@all", "+acl");
            case FULL -> redis.ask("CONFIG", "SET", "maxmemory", "1");
            case READ_ONLY -> redis.ask("REPLICAOF", "127.0.0.1", "1");
            case FLUSHED -> redis.ask("FLUSHALL");
            case SLOW_BY_10_MS -> line.delayMillis(10);
            case SLOW_BY_100_MS -> line.delayMillis(100);
            case SLOW_BY_1000_MS -> line.delayMillis(1_000);
        }
    }

    private void mendServer(Fault fault) {
        switch (fault) {
            case PAUSED -> redis.goOn();
            case KILLED -> redis.start();
            case DENYING -> redis.ask("ACL", "SETUSER", "default", "+@all");
            case FULL -> redis.ask("CONFIG", "SET", "maxmemory", "0");
            case READ_ONLY -> redis.ask("REPLICAOF", "NO", "ONE");
            case FLUSHED -> {}
            case SLOW_BY_10_MS, SLOW_BY_100_MS, SLOW_BY_1000_MS -> line.delayMillis(0);
        }
    }

    private static boolean canBeAsked(Fault fault) {
        return switch (fault) {
            case FULL, READ_ONLY, FLUSHED, SLOW_BY_10_MS -> true;
            case PAUSED, KILLED, DENYING, SLOW_BY_100_MS, SLOW_BY_1000_MS -> false;
        };
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void w92_everyClientGetsItsAnswerWhateverTheServerDoes(Fault fault) throws IOException {
        line = new TcpForwarder(redis.port());
        RunningProxy one = proxyBehindLine();
        RunningProxy other = proxyBehindLine();
        one.cached(WireTest.CHAT, request(0));

        breakServer(fault);

        for (int i = 1; i <= 30; i++) {
            RunningProxy proxy = i % 2 == 0 ? one : other;
            HttpResponse<String> miss = proxy.cached(WireTest.CHAT, request(i));
            assertThat(miss.statusCode()).isEqualTo(200);
            assertThat(miss.body()).isEqualTo(ANSWER);
            WireTest.assertMiss(miss);
            if (!canBeAsked(fault)) {
                assertThat(cacheStatus(miss)).contains("fwd=miss").contains("; detail=shared-unavailable");
            }
            WireTest.assertHit(proxy.cached(WireTest.CHAT, request(i)));
        }
        assertThat(cacheStatus(one.cached(WireTest.CHAT, request(0)))).startsWith("refrain; hit");
        assertThat(provider.calls()).isEqualTo(31);

        mendServer(fault);
        until(() -> one.shared().isAvailable() && one.shared().isConnected());
        until(() -> other.shared().isAvailable() && other.shared().isConnected());
        int[] number = {100};
        until(() -> {
            // Entries sent during the fault are lost; new ones are shared again.
            String request = request(number[0]++);
            long before = one.shared().stores() + one.shared().storesLost();
            one.cached(WireTest.CHAT, request);
            until(() -> one.shared().stores() + one.shared().storesLost() > before);
            String status = cacheStatus(other.cached(WireTest.CHAT, request));
            return status.startsWith("refrain-shared; hit");
        });
    }

    @Test
    void w92_clientsAreAnsweredDespiteAWrongPassword() throws IOException {
        redis.ask("CONFIG", "SET", "requirepass", "right");
        RunningProxy proxy = proxy(redis.uri().replace("redis://", "redis://:wrong@"), SECRET, "50ms");

        HttpResponse<String> miss = proxy.cached(WireTest.CHAT, request(1));

        assertThat(miss.body()).isEqualTo(ANSWER);
        assertThat(cacheStatus(miss)).contains("; detail=shared-unavailable");
        WireTest.assertHit(proxy.cached(WireTest.CHAT, request(1)));
        assertThat(proxy.startLine()).doesNotContain("wrong");
    }

    private static String read(URI address) throws IOException {
        try (InputStream in = address.toURL().openStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** A machine without the server answers all requests, so it stays ready. */
    @Test
    void figuresAndReadinessTellOfTheTier() throws IOException {
        RunningProxy one = proxy();
        RunningProxy other = proxy();
        share(one, request(1));
        WireTest.assertHit(other.cached(WireTest.CHAT, request(1)));
        WireTest.assertHit(other.cached(WireTest.CHAT, request(1)));

        JsonNode stats = new ObjectMapper().readTree(read(other.admin("/admin/api/stats")));
        assertThat(stats.at("/tiers/local").asLong()).isEqualTo(1);
        assertThat(stats.at("/tiers/shared").asLong()).isEqualTo(1);
        assertThat(stats.at("/shared/available").asBoolean()).isTrue();
        assertThat(stats.at("/shared/lookup_ms").asDouble()).isPositive();
        assertThat(stats.at("/shared/received_bytes").asLong()).isPositive();
        assertThat(read(other.admin("/readyz"))).isEqualTo("ready\n");
        until(() -> {
            try {
                return read(other.admin("/admin/api/activity")).contains("\"reason\":\"shared\"");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });

        redis.kill();
        until(() -> !other.shared().isAvailable());

        assertThat(read(other.admin("/readyz"))).isEqualTo("ready\nshared tier: unavailable\n");
        assertThat(read(other.admin("/healthz"))).isEqualTo("ok\n");
        assertThat(read(other.admin("/metrics"))).contains("refrain_shared_available 0");
    }

    @Test
    void aDumpOfTheServerHoldsNothingOfPromptsAndAnswers() throws IOException {
        RunningProxy proxy = proxy();
        String prompt = "Why does the lighthouse keeper never answer letters from the mainland?";
        share(proxy, WireTest.CHAT_REQUEST.replace("hi", prompt));
        share(proxy, WireTest.CHAT_STREAM_REQUEST);

        assertThat(redis.ask("SAVE")).isEqualTo("+OK");

        String dump = Files.readString(folder.resolve("dump.rdb"), StandardCharsets.ISO_8859_1);
        assertThat(dump).contains("refrain:1:entry");
        List<String> secrets = new ArrayList<>(List.of(prompt, ANSWER, "acme/large", "sk-test-", SECRET));
        secrets.addAll(List.of(WireTest.CHAT_STREAM));
        for (String secret : secrets) {
            for (int at = 0; at + 8 <= secret.length(); at++) {
                assertThat(dump).doesNotContain(secret.substring(at, at + 8));
            }
        }
    }
}
