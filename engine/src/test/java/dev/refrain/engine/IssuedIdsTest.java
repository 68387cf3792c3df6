package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wire rule W26b through the embedders' API: a provider that keeps state never sees an id that it has not issued. */
class IssuedIdsTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final Pattern ID = Pattern.compile("\"id\":\"([^\"]+)\"");

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private final Set<String> issued = new HashSet<>();
    private final List<String> seen = new ArrayList<>();
    /** Answers that are held back; null if answers are sent at once. */
    private List<Runnable> held;

    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .maxAnswerBytes(64 * 1024)
                .clock(clock)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private static CacheRequest request(Endpoint endpoint, String apiKey, String body) {
        return CacheRequest.of(endpoint, apiKey, utf8(body));
    }

    private static String responses(String input, String previous, boolean stream) {
        return "{\"model\":\"m\", \"input\":\"" + input + "\""
                + (previous == null ? "" : ", \"previous_response_id\": \"" + previous + "\"")
                + (stream ? ",\"stream\":true}" : "}");
    }

    private static String messages(String input, String previous) {
        String thread = previous == null
                ? "{\"type\":\"create\"}"
                : "{\"type\":\"continue\",\"previous_message_id\":\"" + previous + "\"}";
        return "{\"model\":\"m\",\"max_tokens\":9,\"thread\":" + thread
                + ",\"messages\":[{\"role\":\"user\",\"content\":\"" + input + "\"}]}";
    }

    /** A provider that refuses ids that it has not issued, and gives each answer a new one. */
    private Upstream provider(CacheRequest request) {
        return sink -> {
            String body = new String(cache.pipeline().withProviderIds(request).upstreamBody(), StandardCharsets.UTF_8);
            seen.add(body);
            Matcher previous = Pattern.compile("previous_(?:response|message)_id\": ?\"([^\"]+)\"")
                    .matcher(body);
            if (previous.find() && !issued.contains(previous.group(1))) {
                answer(
                        sink,
                        400,
                        "application/json",
                        "{\"error\":{\"message\":\"unknown " + previous.group(1) + "\"}}");
            } else {
                String id = (request.endpoint() == Endpoint.MESSAGES ? "msg_" : "resp_") + seen.size();
                issued.add(id);
                Runnable reply = () -> answer(
                        sink,
                        200,
                        request.stream() ? "text/event-stream" : "application/json",
                        request.endpoint() == Endpoint.MESSAGES
                                ? message(id)
                                : request.stream() ? events(id) : response(id));
                if (held == null) {
                    reply.run();
                } else {
                    held.add(reply);
                }
            }
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    private static void answer(ResponseSink sink, int status, String type, String body) {
        sink.head(new ResponseHead(status, type, null, -1, null, null, Map.of()));
        sink.chunk(ByteBuffer.wrap(utf8(body)));
        sink.end();
    }

    private static String response(String id) {
        return "{\"id\":\"" + id
                + "\",\"object\":\"response\",\"created_at\":1700000000,\"status\":\"completed\",\"output\":"
                + "[{\"type\":\"message\",\"id\":\"out_1\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":"
                + "[{\"type\":\"output_text\",\"text\":\"" + id + "\",\"annotations\":[]}]}],"
                + "\"usage\":{\"input_tokens\":9,\"output_tokens\":12,\"total_tokens\":21}}";
    }

    private static String events(String id) {
        return "event: response.created\ndata: {\"type\":\"response.created\",\"response\":"
                + response(id).replace("completed", "in_progress")
                + "}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" + response(id)
                + "}\n\n";
    }

    private static String message(String id) {
        return "{\"id\":\"" + id + "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":"
                + "[{\"type\":\"text\",\"text\":\"hello\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
                + "\"usage\":{\"input_tokens\":9,\"output_tokens\":12}}";
    }

    /** Asks, and returns the id in the answer that the caller gets. */
    private String ask(CacheRequest request) {
        RecordingSink sink = new RecordingSink();
        cache.respond(request, CacheControls.on(TTL), provider(request), sink);
        return id(sink);
    }

    private static String id(RecordingSink sink) {
        assertThat(sink.head.status()).as(sink.text()).isEqualTo(200);
        Matcher id = ID.matcher(sink.text());
        assertThat(id.find()).as(sink.text()).isTrue();
        return id.group(1);
    }

    private List<String> chain(boolean stream) {
        String one = ask(request(Endpoint.RESPONSES, "k", responses("one", null, stream)));
        String two = ask(request(Endpoint.RESPONSES, "k", responses("two", one, stream)));
        return List.of(one, two, ask(request(Endpoint.RESPONSES, "k", responses("three", two, stream))));
    }

    @Test
    void w26b_aChainThatWasRunBeforeHitsThroughout() throws IOException {
        for (boolean stream : new boolean[] {false, true}) {
            seen.clear();
            List<String> first = chain(stream);
            assertThat(seen).hasSize(3);

            List<String> second = chain(stream);
            assertThat(seen).hasSize(3);
            assertThat(second).allMatch(id -> id.startsWith("gen-")).doesNotContainAnyElementsOf(first);

            close();
            open();
            chain(stream);
            assertThat(seen).as("after a restart").hasSize(3);
            // The next turn is a miss and continues a conversation of hits: the provider gets one of its own ids.
            ask(request(Endpoint.RESPONSES, "k", responses("four", second.get(2), stream)));
            assertThat(seen).last().asString().contains(first.get(2)).doesNotContain("gen-");
        }
    }

    @Test
    void w26b_theSameHoldsForThreadsOfMessages() {
        String original = ask(request(Endpoint.MESSAGES, "k", messages("one", null)));
        String repeated = ask(request(Endpoint.MESSAGES, "k", messages("one", null)));
        ask(request(Endpoint.MESSAGES, "k", messages("two", original)));
        assertThat(seen).hasSize(2);
        ask(request(Endpoint.MESSAGES, "k", messages("two", repeated)));
        assertThat(seen).hasSize(2);
        ask(request(Endpoint.MESSAGES, "k", messages("three", repeated)));
        assertThat(seen).last().isEqualTo(messages("three", original));
        // Elsewhere in a request, and in requests to other endpoints, an id stays as it is.
        assertThat(cache.pipeline()
                        .withProviderIds(request(Endpoint.CHAT, "k", messages("x", repeated)))
                        .upstreamBody())
                .asString()
                .contains(repeated);
        String elsewhere =
                "{\"metadata\":{\"previous_message_id\":\"" + repeated + "\"},\"thread\":[\"" + repeated + "\"]}";
        assertThat(cache.pipeline()
                        .withProviderIds(request(Endpoint.MESSAGES, "k", elsewhere))
                        .upstreamBody())
                .asString()
                .isEqualTo(elsewhere);
    }

    @Test
    void w26b_theSameHoldsForIdsOfFollowers() {
        for (boolean stream : new boolean[] {false, true}) {
            held = new ArrayList<>();
            CacheRequest request = request(Endpoint.RESPONSES, "k", responses("shared", null, stream));
            List<RecordingSink> sinks = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                sinks.add(new RecordingSink());
                cache.respond(request, CacheControls.on(TTL), provider(request), sinks.get(i));
            }
            assertThat(held).hasSize(1);
            held.get(0).run();
            held = null;
            String original = id(sinks.get(0));
            assertThat(issued).contains(original);
            for (RecordingSink follower : sinks.subList(1, 3)) {
                assertThat(id(follower)).isNotEqualTo(original);
                assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), id(follower)))
                        .contains(original);
            }
        }
    }

    @Test
    void w26b_idsAreNotTranslatedAcrossScopes() {
        CacheRequest mine = request(Endpoint.RESPONSES, "mine", responses("one", null, false));
        String original = ask(mine);
        String hit = ask(mine);
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("mine"), hit))
                .contains(original);
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("theirs"), hit))
                .isEmpty();
        assertThat(cache.pipeline().providerId(cache.pipeline().scope(""), hit)).isEmpty();
        CacheRequest theirs = request(Endpoint.RESPONSES, "theirs", responses("two", hit, false));
        assertThat(cache.pipeline().withProviderIds(theirs)).isSameAs(theirs);
    }

    @Test
    void w26b_anIdKeepsTheMeaningThatItWasIssuedWith() {
        CacheRequest request = request(Endpoint.RESPONSES, "k", responses("one", null, false));
        String first = ask(request);
        String hitOfFirst = ask(request);
        clock.advance(TTL.plusSeconds(1));
        String second = ask(request);
        String hitOfSecond = ask(request);
        cache.admin().sweep();

        assertThat(seen).hasSize(2);
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), hitOfFirst))
                .contains(first);
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), hitOfSecond))
                .contains(second);
        clock.advance(Duration.ofDays(30));
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), hitOfFirst))
                .isEmpty();
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), hitOfSecond))
                .contains(second);
        clock.advance(TTL);
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), hitOfSecond))
                .isEmpty();
        cache.admin().sweep();
        assertThat(cache.admin().stats().store().bytes()).isZero();
    }

    @Test
    void w26b_otherIdsPassUntouched() {
        CacheRequest request = request(Endpoint.RESPONSES, "k", responses("one", null, false));
        ask(request);
        String hit = ask(request);
        String altered = hit.substring(0, 34) + (hit.endsWith("A") ? 'B' : 'A');
        for (String id : new String[] {"resp_1", GenerationId.mint(1_800_000_000L), altered, "", "gen-"}) {
            assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), id))
                    .as(id)
                    .isEmpty();
            CacheRequest next = request(Endpoint.RESPONSES, "k", responses("two", id, false));
            assertThat(cache.pipeline().withProviderIds(next)).isSameAs(next);
        }
        for (String odd : new String[] {
            "{\"previous_response_id\":null}",
            "{\"previous_response_id\":{\"id\":\"" + hit + "\"}}",
            "{}",
            "[]",
            "{\"previous_response_id\":\"" + hit
        }) {
            assertThat(cache.pipeline()
                            .withProviderIds(request(Endpoint.RESPONSES, "k", odd))
                            .upstreamBody())
                    .asString()
                    .isEqualTo(odd);
        }
        String twice = "{\"previous_response_id\":\"x\",\"previous_response_id\":\"" + hit + "\"}";
        assertThat(cache.pipeline()
                        .withProviderIds(request(Endpoint.RESPONSES, "k", twice))
                        .upstreamBody())
                .asString()
                .doesNotContain(hit)
                .contains("\"x\"");
    }

    @Test
    void w26b_anAllocationFreeLookupTranslatesIdsToo() {
        List<String> ids = chain(false);
        String hit = ask(request(Endpoint.RESPONSES, "k", responses("one", null, false)));
        assertThat(hit).isNotIn(ids);
        byte[] body = utf8(responses("two", hit, false));
        KeyContext context = cache.pipeline()
                .context(Endpoint.RESPONSES, cache.pipeline().scope("k"))
                .build();
        Lookup lookup = cache.pipeline().newLookup();
        for (int i = 0; i < 20; i++) {
            CachedResponse found = lookup.find(context, body, 0, body.length);
            assertThat(found).isNotNull();
            assertThat(new String(found.toByteArray(), StandardCharsets.UTF_8)).contains("\"text\":\"" + ids.get(1));
        }
    }

    @Test
    void w26b_theSameHoldsWithAPreset() {
        CacheRequest request = request(Endpoint.RESPONSES, "k", responses("one", null, false));
        String original = ask(request);
        String hit = ask(request);
        byte[] resolved = utf8(responses("two", hit, false).replace("\"m\"", "\"preset/model\""));
        CacheRequest sent =
                request(Endpoint.RESPONSES, "k", responses("two", hit, false)).withPreset("f", resolved);
        CacheRequest same = request(Endpoint.RESPONSES, "k", responses("two", original, false))
                .withPreset("f", resolved);

        assertThat(cache.key(sent)).isEqualTo(cache.key(same));
        assertThat(cache.pipeline().withProviderIds(sent).upstreamBody())
                .asString()
                .isEqualTo(new String(resolved, StandardCharsets.UTF_8).replace(hit, original));
    }

    @Test
    void w26b_notesDoNotCountAsEntriesAndOnlyAPurgeOfTheScopeRemovesThem() {
        CacheRequest request = request(Endpoint.RESPONSES, "k", responses("one", null, false));
        String original = ask(request);
        String hit = ask(request);
        assertThat(cache.admin().stats().store().entries()).isEqualTo(1);
        assertThat(cache.admin().removeModel("m")).isEqualTo(1);
        assertThat(cache.admin().clear()).isZero();
        assertThat(cache.admin().stats().store().entries()).isZero();
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), hit))
                .contains(original);
        assertThat(cache.admin().removeScope("k")).isZero();
        assertThat(cache.pipeline().providerId(cache.pipeline().scope("k"), hit))
                .isEmpty();
        assertThat(cache.admin().stats().store().bytes()).isZero();
    }

    @Test
    void w19_aRequestInAConversationIsNotEligible() {
        for (String body : new String[] {
            "{\"input\":\"ping\",\"conversation\":\"conv_1\"}",
            "{\"conversation\": {\"id\":\"conv_1\"},\"input\":\"ping\"}",
            "{\"input\":\"ping\",\"c\\u006fnversation\":\"conv_1\"}"
        }) {
            assertThat(cache.pipeline().bypass(request(Endpoint.RESPONSES, "k", body)))
                    .contains(BypassReason.STATEFUL);
            assertThat(cache.key(request(Endpoint.RESPONSES, "k", body))).isEmpty();
            assertThat(cache.pipeline().bypass(request(Endpoint.CHAT, "k", body)))
                    .isEmpty();
        }
        assertThat(cache.pipeline()
                        .bypass(request(Endpoint.RESPONSES, "k", "{\"conversation\":null,\"input\":\"ping\"}")))
                .isEmpty();
        assertThat(cache.pipeline().bypass(request(Endpoint.RESPONSES, "k", "{\"metadata\":{\"conversation\":\"x\"}}")))
                .isEmpty();
    }
}
