package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.utf8;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.shared.ForwardingTier;
import dev.refrain.engine.shared.HeapTier;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Wire rule W26b on several machines: an id of a hit on one of them is translated back on another. */
class SharedIdsTest {
    private static final byte[] SECRET = utf8("a secret of a cluster, of 32 bytes or more");
    private static final CacheControls ON = CacheControls.on(Duration.ofMinutes(5));
    private static final Pattern ID = Pattern.compile("\"id\":\"([^\"]+)\"");
    private static final int HEAD = 64;

    private final AtomicLong micros = new AtomicLong(1_800_000_000_000_000L);
    private final AtomicLong nanos = new AtomicLong();
    private final HeapTier.Engine engine = new HeapTier.Engine(micros::incrementAndGet, 16 << 20, 1_000);
    private final List<ResponseCache> caches = new ArrayList<>();
    /** The bodies that the provider has received. */
    private final List<String> seen = new CopyOnWriteArrayList<>();

    /** The values that machines have put into the tier. */
    private final List<byte[]> puts = new CopyOnWriteArrayList<>();

    private static boolean isNote(byte[] value) {
        return value.length < 512;
    }

    private final class Machine {
        final HeapTier tier = engine.machine();
        /** A value that the tier returns instead of its own. */
        final AtomicReference<byte[]> instead = new AtomicReference<>();

        final ResponseCache cache;

        Machine() throws IOException {
            cache = ResponseCache.onHeap(4 << 20)
                    .ticker(nanos::get)
                    .sharedTier(
                            new ForwardingTier(tier) {
                                @Override
                                public CompletionStage<Boolean> put(byte[] key, byte[] entry, long started, long life) {
                                    return super.put(key, entry, started, life)
                                            .whenComplete((kept, failure) -> puts.add(entry));
                                }

                                @Override
                                public CompletionStage<Found> get(byte[] key) {
                                    byte[] hostile = instead.get();
                                    return super.get(key)
                                            .thenApply(found -> hostile == null || found.entry() == null
                                                    ? found
                                                    : new Found(hostile, found.micros()));
                                }
                            },
                            SECRET)
                    .open();
            caches.add(cache);
            until(() -> cache.admin().shared().orElseThrow().isConnected());
        }

        /** Asks, and returns the body of the answer. */
        String ask(String key, String body) {
            return ask(CacheRequest.of(Endpoint.RESPONSES, key, utf8(body)), new Client());
        }

        String ask(CacheRequest request, Client client) {
            cache.respond(request, ON, provider(request), client);
            client.over.orTimeout(30, TimeUnit.SECONDS).join();
            return client.text();
        }

        private Upstream provider(CacheRequest request) {
            return sink -> {
                byte[] body = cache.pipeline().withProviderIds(request).upstreamBody();
                seen.add(new String(body, StandardCharsets.UTF_8));
                sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
                sink.chunk(ByteBuffer.wrap(utf8(answer("resp_" + seen.size()))));
                sink.end();
                return Upstream.Call.UNSTOPPABLE;
            };
        }
    }

    private static final class Client extends RecordingSink {
        final CompletableFuture<Void> over = new CompletableFuture<>();

        @Override
        public void end() {
            super.end();
            over.complete(null);
        }

        @Override
        public void fail(Throwable cause) {
            super.fail(cause);
            over.completeExceptionally(cause);
        }
    }

    private static String answer(String id) {
        byte[] padding = new byte[1_000];
        new Random().nextBytes(padding);
        return "{\"id\":\"" + id + "\",\"object\":\"response\",\"created_at\":1700000000,\"status\":\"completed\","
                + "\"output\":[],\"padding\":\"" + HexFormat.of().formatHex(padding) + "\"}";
    }

    private static String request(String previous) {
        return "{\"model\":\"m\",\"input\":\"go on\""
                + (previous == null ? "}" : ",\"previous_response_id\":\"" + previous + "\"}");
    }

    private static String id(String answer) {
        Matcher id = ID.matcher(answer);
        assertThat(id.find()).isTrue();
        return id.group(1);
    }

    private long notes() {
        return puts.stream().filter(SharedIdsTest::isNote).count();
    }

    /** The id of a hit on the machine that fetched the answer, once other machines can know it. */
    private String idOfAHit(Machine machine) {
        assertThat(id(machine.ask("key", request(null)))).isEqualTo("resp_1");
        String id = id(machine.ask("key", request(null)));
        assertThat(id).startsWith("gen-");
        until(() -> notes() == 1);
        return id;
    }

    @AfterEach
    void close() {
        caches.forEach(ResponseCache::close);
    }

    @Test
    void w26b_anIdOfAHitOnOneMachineIsTranslatedBackOnAnother() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        String id = idOfAHit(one);

        other.ask("key", request(id));
        assertThat(seen).hasSize(2).last().isEqualTo(request("resp_1"));
        // The key uses the provider's id, so each turn is a hit on both machines, whatever id a client got.
        other.ask("key", request(id));
        other.ask("key", request("resp_1"));
        until(() -> puts.size() >= 3);
        one.ask("key", request(id));
        assertThat(seen).hasSize(2);
    }

    @Test
    void w26b_anIdOfAHitOfTheSharedTierIsTranslatedBackOnAThirdMachine() throws IOException {
        Machine one = new Machine();
        one.ask("key", request(null));
        until(() -> puts.size() == 1);
        Client client = new Client();
        Machine other = new Machine();
        String id = id(other.ask(CacheRequest.of(Endpoint.RESPONSES, "key", utf8(request(null))), client));
        assertThat(client.head.cache()).isInstanceOf(CacheOutcome.SharedHit.class);
        until(() -> notes() == 1);

        new Machine().ask("key", request(id));
        assertThat(seen).hasSize(2).last().isEqualTo(request("resp_1"));
    }

    @Test
    void w26b_anIdInAPathIsKnownOnceTheTierWasAsked() throws IOException {
        String id = idOfAHit(new Machine());
        CachePipeline other = new Machine().cache.pipeline();
        CacheScope scope = other.scope("key");

        assertThat(other.providerId(scope, id)).isEmpty();
        other.learnId(scope, id)
                .orElseThrow()
                .toCompletableFuture()
                .orTimeout(30, TimeUnit.SECONDS)
                .join();
        assertThat(other.providerId(scope, id)).contains("resp_1");
        assertThat(other.learnId(scope, id)).isEmpty();
        // A provider's own id is not looked up.
        assertThat(other.learnId(scope, "resp_1")).isEmpty();
    }

    @Test
    void w26b_anotherCallersIdIsNotKnown() throws IOException {
        String id = idOfAHit(new Machine());
        new Machine().ask("another key", request(id));
        assertThat(seen).last().isEqualTo(request(id));
    }

    /** A request that came before its id was known must not keep the key that it had then. */
    @Test
    void w26b_anIdThatBecomesKnownLaterChangesTheKey() throws IOException {
        Machine one = new Machine();
        Machine other = new Machine();
        String id = idOfAHit(one);
        other.tier.cut();
        other.ask("key", request(id));
        other.ask("key", request(id));
        assertThat(seen).hasSize(2).last().isEqualTo(request(id));
        other.tier.join();
        until(() -> other.cache.admin().shared().orElseThrow().isConnected());

        other.ask("key", request(id));
        other.ask("key", request("resp_1"));
        assertThat(seen).hasSize(3).last().isEqualTo(request("resp_1"));
    }

    @Test
    void w26b_aNoteGoesToTheTierOnceNotWithEachHit() throws IOException {
        Machine one = new Machine();
        idOfAHit(one);
        for (int i = 0; i < 100; i++) {
            one.ask("key", request(null));
        }
        one.ask("key", "{\"model\":\"m\",\"input\":\"another\"}");
        until(() -> puts.size() == 3);
        assertThat(notes()).isOne();
        // After ten minutes, the tier may have lost the note, so the next hit puts it again.
        nanos.addAndGet(TimeUnit.MINUTES.toNanos(10));
        one.ask("key", request(null));
        until(() -> notes() == 2);
    }

    @Test
    void w26b_theTierCannotReadANoteNorMakeOne() throws IOException {
        Machine one = new Machine();
        String id = idOfAHit(one);
        byte[] note = puts.stream().filter(SharedIdsTest::isNote).findFirst().orElseThrow();
        assertThat(new String(note, StandardCharsets.ISO_8859_1)).doesNotContain("resp_");
        Machine other = new Machine();
        byte[] altered = note.clone();
        altered[altered.length - 1] ^= 1;
        for (byte[] hostile : List.of(altered, new byte[0], new byte[HEAD], new byte[16 << 20])) {
            other.instead.set(hostile);
            other.ask("key", request(id));
            assertThat(seen).last().isEqualTo(request(id));
        }
        other.instead.set(null);
        other.ask("key", request(id));
        assertThat(seen).last().isEqualTo(request("resp_1"));
    }

    @Test
    void w26b_theIdOfAFollowerIsKnownElsewhere() throws IOException {
        Machine one = new Machine();
        CacheRequest request = CacheRequest.of(Endpoint.RESPONSES, "key", utf8(request(null)));
        AtomicReference<ResponseSink> call = new AtomicReference<>();
        Client leader = new Client();
        one.cache.respond(
                request,
                ON,
                sink -> {
                    call.set(sink);
                    return Upstream.Call.UNSTOPPABLE;
                },
                leader);
        until(() -> call.get() != null);
        Client follower = new Client();
        one.cache.respond(request, ON, one.provider(request), follower);
        seen.add(request(null));
        call.get().head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
        call.get().chunk(ByteBuffer.wrap(utf8(answer("resp_1"))));
        call.get().end();
        follower.over.orTimeout(30, TimeUnit.SECONDS).join();
        until(() -> notes() == 1);

        new Machine().ask("key", request(id(follower.text())));
        assertThat(seen).hasSize(2).last().isEqualTo(request("resp_1"));
    }
}
