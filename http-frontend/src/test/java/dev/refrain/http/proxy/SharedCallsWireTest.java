package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.console.cli.Commands;
import dev.refrain.http.StoredAnswers;
import dev.refrain.testing.RedisServer;
import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.TcpForwarder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wire rule W28: proxies with files of their own, and a real server between them, call a provider once. */
class SharedCallsWireTest {
    private static final String SECRET = "a secret of this cluster that nobody can guess";
    private static final long PATIENCE_SECONDS = 30;

    @TempDir
    Path folder;

    private RedisServer redis;
    private ScriptedProvider provider;
    private final List<RunningProxy> proxies = new ArrayList<>();
    private final CountDownLatch goOn = new CountDownLatch(1);

    @BeforeEach
    void start() throws IOException {
        redis = new RedisServer("--dir", folder.toString(), "--rdbcompression", "no");
        provider = new ScriptedProvider();
        provider.does((exchange, request) -> {
            // A stream begins at once, and ends when the test says so.
            if (request.body().contains("\"stream\":true")) {
                ScriptedProvider.stream(exchange, WireTest.CHAT_STREAM[0], WireTest.CHAT_STREAM[1]);
                goOn.await();
                ScriptedProvider.write(
                        exchange, WireTest.CHAT_STREAM[2], WireTest.CHAT_STREAM[3], WireTest.CHAT_STREAM[4]);
            } else {
                goOn.await();
                ScriptedProvider.json(exchange, 200, WireTest.CHAT_ANSWER);
            }
        });
    }

    @AfterEach
    void stop() {
        goOn.countDown();
        proxies.forEach(RunningProxy::close);
        provider.close();
        redis.close();
    }

    private RunningProxy proxy(int port, String timeout) throws IOException {
        Path secretFile = folder.resolve("secret" + proxies.size());
        Files.writeString(secretFile, SECRET + "\n");
        RunningProxy proxy = new RunningProxy(
                folder.resolve("answers" + proxies.size() + ".refrain"),
                provider.base(),
                Map.of(
                        "REFRAIN_SHARED_URI",
                        "redis://127.0.0.1:" + port,
                        "REFRAIN_SHARED_SECRET_FILE",
                        secretFile.toString(),
                        "REFRAIN_SHARED_TIMEOUT",
                        timeout));
        proxies.add(proxy);
        until(() -> proxy.shared().isAvailable() && proxy.shared().isConnected());
        return proxy;
    }

    /** A proxy that waits long for the server, so that nothing is lost because this machine is busy. */
    private RunningProxy proxy() throws IOException {
        return proxy(redis.port(), PATIENCE_SECONDS + "s");
    }

    private long collapsed() {
        return proxies.stream().mapToLong(proxy -> proxy.stats().collapsed()).sum();
    }

    private long waits() {
        return proxies.stream().mapToLong(proxy -> proxy.shared().waits()).sum();
    }

    private static CompletableFuture<HttpResponse<String>> ask(RunningProxy proxy, String request) {
        return proxy.sendAsync(proxy.post(WireTest.CHAT, request).setHeader("X-OpenRouter-Cache", "true"));
    }

    /** A stream whose beginning the client has received. */
    private static HttpResponse<InputStream> begun(RunningProxy proxy) throws IOException {
        HttpResponse<InputStream> answer = proxy.send(
                proxy.post(WireTest.CHAT, WireTest.CHAT_STREAM_REQUEST).setHeader("X-OpenRouter-Cache", "true"),
                BodyHandlers.ofInputStream());
        StringBuilder got = new StringBuilder();
        while (!got.toString().contains("Hel")) {
            got.append((char) answer.body().read());
        }
        return answer;
    }

    private static String rest(HttpResponse<InputStream> answer) {
        try {
            return new String(answer.body().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void w28_aThousandRequestsToTwoProxiesAreOneCall() throws IOException {
        List<RunningProxy> two = List.of(proxy(), proxy());
        List<CompletableFuture<HttpResponse<String>>> clients = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            clients.add(ask(two.get(i % 2), WireTest.CHAT_REQUEST));
        }
        // Wait until all but the two leaders have joined a call.
        until(() -> collapsed() == 998 && waits() == 1);
        goOn.countDown();

        for (CompletableFuture<HttpResponse<String>> client : clients) {
            HttpResponse<String> answer =
                    client.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).contains("Hello");
        }
        assertThat(provider.calls()).isOne();
    }

    @Test
    void w28_aStreamIsFollowedOnThreeProxies() throws IOException {
        RunningProxy one = proxy();
        HttpResponse<InputStream> leader = begun(one);
        List<HttpResponse<InputStream>> followers = new ArrayList<>();
        for (RunningProxy other : List.of(proxy(), proxy())) {
            followers.add(begun(other));
            followers.add(begun(other));
        }

        // While the stream is under way, a dump of the server must contain nothing of it.
        assertThat(redis.ask("SAVE")).isEqualTo("+OK");
        String dump = Files.readString(folder.resolve("dump.rdb"), StandardCharsets.ISO_8859_1);
        assertThat(dump).contains("refrain:1:stream");
        for (String secret : List.of(WireTest.CHAT_STREAM[1], WireTest.CHAT_STREAM_REQUEST)) {
            for (int at = 0; at + 8 <= secret.length(); at++) {
                assertThat(dump).doesNotContain(secret.substring(at, at + 8));
            }
        }
        goOn.countDown();

        assertThat(rest(leader)).contains("chatcmpl-9", "\"total_tokens\":21", "[DONE]");
        for (HttpResponse<InputStream> follower : followers) {
            WireTest.assertHit(follower);
            assertThat(WireTest.header(follower, "Cache-Status"))
                    .matches("refrain; fwd=miss; collapsed; detail=elsewhere; fwd-status=200; key=\"[0-9a-f]{12}\"");
            assertThat(WireTest.header(follower, WireTest.AGE)).isEqualTo("0");
            assertThat(WireTest.header(follower, "X-Accel-Buffering")).isEqualTo("no");
            assertThat(rest(follower))
                    .contains(WireTest.header(follower, WireTest.GENERATION), "\"total_tokens\":0", "[DONE]")
                    .doesNotContain("chatcmpl-9");
        }
        assertThat(provider.calls()).isOne();
        // The stream has been stored in the tier, too.
        until(() -> one.shared().stores() == 1);
        HttpResponse<String> later = proxies.get(1).cached(WireTest.CHAT, WireTest.CHAT_STREAM_REQUEST);
        assertThat(WireTest.header(later, "Cache-Status")).startsWith("refrain-shared; hit");
        assertTiersAreTold(proxies.get(1));
    }

    /** Checks where answers of this machine came from: one follower joined a call elsewhere, the other one here. */
    private static void assertTiersAreTold(RunningProxy proxy) throws IOException {
        WireTest.assertHit(proxy.cached(WireTest.CHAT, WireTest.CHAT_STREAM_REQUEST));
        String admin = proxy.admin("").toString();
        assertThat(read(admin + "/admin/api/stats"))
                .contains("\"tiers\":{\"local\":1,\"shared\":1,\"joined_here\":1,\"joined_elsewhere\":1}");
        assertThat(read(admin + "/metrics"))
                .contains("refrain_shared_joins_total 1", "refrain_shared_waits_total 1")
                .containsPattern("refrain_shared_lookups_total\\{result=\"hit\"} 1")
                .containsPattern("refrain_shared_lookup_seconds_total [0-9.E-]*[1-9]")
                .containsPattern("refrain_shared_bytes_total\\{direction=\"followed\"} [1-9]")
                .containsPattern("refrain_shared_bytes_total\\{direction=\"received\"} [1-9]");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int status = Commands.run(
                new String[] {"stats", "--admin", admin},
                Map.of(),
                new StoredAnswers(),
                InputStream.nullInputStream(),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                System.err);
        assertThat(status).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8))
                .contains("1 local, 1 shared, 1 joined here, 1 joined elsewhere", "available, hears removals; a lookup")
                .containsPattern("a lookup takes \\d+\\.\\d+ ms")
                .containsPattern("[1-9][0-9.]*\\S+ received");
    }

    private static String read(String address) throws IOException {
        try (InputStream in = URI.create(address).toURL().openStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Either connection is cut: the leader's client gets its answer, and a follower's is cut at once. */
    @Test
    void w28_aConnectionThatIsCutInMidStreamCutsFollowersElsewhereAlone() throws IOException {
        for (int cut = 0; cut < 2; cut++) {
            CountDownLatch mayEnd = new CountDownLatch(1);
            provider.does((exchange, request) -> {
                ScriptedProvider.stream(exchange, WireTest.CHAT_STREAM[0], WireTest.CHAT_STREAM[1]);
                mayEnd.await();
                ScriptedProvider.write(
                        exchange, WireTest.CHAT_STREAM[2], WireTest.CHAT_STREAM[3], WireTest.CHAT_STREAM[4]);
            });
            try (TcpForwarder forwarder = new TcpForwarder(redis.port())) {
                int direct = redis.port();
                RunningProxy one = proxy(cut == 0 ? forwarder.port() : direct, "5s");
                RunningProxy other = proxy(cut == 1 ? forwarder.port() : direct, "5s");
                HttpResponse<InputStream> leader = begun(one);
                HttpResponse<InputStream> follower = begun(other);
                assertThat(WireTest.header(follower, "Cache-Status")).contains("; collapsed; detail=elsewhere");

                forwarder.cut(true);

                assertThatThrownBy(() -> rest(follower)).isInstanceOf(UncheckedIOException.class);
                mayEnd.countDown();
                assertThat(rest(leader)).contains("[DONE]");
                HttpResponse<String> again = other.cached(WireTest.CHAT, WireTest.CHAT_STREAM_REQUEST);
                assertThat(again.body()).contains("[DONE]");
                forwarder.cut(false);
                until(() -> one.shared().isConnected() && other.shared().isConnected());
                redis.ask("FLUSHALL");
                one.close();
                other.close();
                proxies.clear();
            }
        }
    }
}
