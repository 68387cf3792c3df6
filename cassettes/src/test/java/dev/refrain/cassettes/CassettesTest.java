package dev.refrain.cassettes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.testing.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each mode, with a provider that the test controls. Long, since all modes share one set-up. */
class CassettesTest {
    private static final Instant NOW = Instant.parse("2026-11-29T12:00:00Z");
    private static final String ANSWER = "{\"id\":\"c-%d\",\"choices\":[{\"message\":{\"content\":\"%s\"},"
            + "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";

    @TempDir
    Path folder;

    private final MemoryBudget memory = new MemoryBudget(64 << 20);
    private final ConcurrentLinkedQueue<CompletableFuture<ResponseSink>> calls = new ConcurrentLinkedQueue<>();
    private Instant now = NOW;
    private int number;
    private Cassettes open;

    /** An upstream whose calls wait until the test answers them. */
    private Upstream provider() {
        return sink -> {
            calls.add(CompletableFuture.completedFuture(sink));
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    private record Got(ResponseHead head, String body, Throwable failure) {
        int status() {
            return failure instanceof ProxyException refusal ? refusal.status() : head.status();
        }
    }

    /** A client that takes each piece of an answer at once. */
    private static class Client implements ResponseSink {
        private final CompletableFuture<Got> got = new CompletableFuture<>();
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private ResponseHead head;

        @Override
        public void head(ResponseHead answer) {
            head = answer;
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(copy);
            body.write(copy, 0, copy.length);
        }

        @Override
        public void end() {
            got.complete(new Got(head, body.toString(StandardCharsets.UTF_8), null));
        }

        @Override
        public void fail(Throwable cause) {
            got.complete(new Got(head, body.toString(StandardCharsets.UTF_8), cause));
        }

        Got await() {
            return got.orTimeout(60, TimeUnit.SECONDS).join();
        }
    }

    private static class Fields implements RequestFields {
        private final Map<String, List<String>> lines;

        Fields(Map<String, List<String>> lines) {
            this.lines = lines;
        }

        @Override
        public String first(String name) {
            return lines.containsKey(name) ? lines.get(name).get(0) : null;
        }

        @Override
        public List<String> all(String name) {
            return lines.get(name);
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {
            lines.forEach(action);
        }
    }

    private Cassettes open(CassetteMode mode, Map<Endpoint, KeyRules> rules) throws IOException {
        close();
        open = Cassettes.in(folder)
                .mode(mode)
                .rules(rules)
                .memory(memory)
                .clock(Clock.fixed(now, ZoneOffset.UTC))
                .open();
        return open;
    }

    private Cassettes open(CassetteMode mode) throws IOException {
        return open(mode, Map.of());
    }

    @AfterEach
    void close() {
        if (open != null) {
            open.close();
            open = null;
            assertThat(memory.usedBytes()).isZero();
        }
    }

    private static String prompt(String text) {
        return "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"" + text + "\"}]}";
    }

    private Client ask(String body, String... fields) {
        Map<String, List<String>> lines = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (int i = 0; i < fields.length; i += 2) {
            lines.put(fields[i], List.of(fields[i + 1]));
        }
        Client client = new Client();
        open.over(
                        new CallRecorder.Call(
                                Endpoint.CHAT, null, "", new Fields(lines), body.getBytes(StandardCharsets.UTF_8)),
                        provider())
                .fetch(client);
        return client;
    }

    /** Answers the oldest call as the provider. */
    private void answer(int status, String type, String... pieces) {
        ResponseSink sink = calls.remove().join();
        sink.head(new ResponseHead(status, type, null, -1, null, null, Map.of("set-cookie", List.of("c=1"))));
        for (String piece : pieces) {
            sink.chunk(ByteBuffer.wrap(piece.getBytes(StandardCharsets.UTF_8)));
        }
        sink.end();
    }

    private String answer(String text) {
        String body = ANSWER.formatted(++number, text);
        answer(200, "application/json", body);
        return body;
    }

    /** The next call, which another thread may still be about to make. */
    private void awaitCall() {
        Await.until(() -> !calls.isEmpty());
    }

    private List<Path> files() throws IOException {
        try (var files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    @Test
    void aRecordedAnswerIsPlayed() throws IOException {
        open(CassetteMode.RECORD);
        Client first = ask(prompt("hi"));
        String body = answer("hello");
        assertThat(first.await().body()).isEqualTo(body);
        assertThat(open.mode()).isEqualTo(CassetteMode.RECORD);
        close();
        open(CassetteMode.REPLAY);
        for (int i = 0; i < 3; i++) {
            Got got = ask(prompt("hi")).await();
            assertThat(got.body()).isEqualTo(body);
            assertThat(got.head().contentType()).isEqualTo("application/json");
            assertThat(got.head().fields()).containsOnlyKeys("content-type");
        }
        assertThat(calls).isEmpty();
        assertThat(open.summary(null).played()).isEqualTo(3);
        assertThat(open.summary(null).tokens()).isEqualTo(21);
    }

    /** A client may receive a whole answer, and end the process, before the recorder hears that the call has ended. */
    @Test
    void aCallWhoseClientHasItsAnswerIsRecordedThoughTheFolderIsBeingClosed() throws Exception {
        open(CassetteMode.RECORD);
        ask(prompt("hi"));
        ResponseSink sink = calls.remove().join();
        sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
        sink.chunk(ByteBuffer.wrap(ANSWER.formatted(1, "hello").getBytes(StandardCharsets.UTF_8)));
        Thread closing = new Thread(open::close);
        closing.start();
        Await.until(() -> !closing.isAlive() || closing.getState() == Thread.State.TIMED_WAITING);
        sink.end();
        closing.join();
        assertThat(files()).isNotEmpty();
    }

    @Test
    void requestsThatWaitForACallThatEndsBehindTheCloseAreAnswered() throws Exception {
        open(CassetteMode.RECORD);
        ask(prompt("hi"));
        Client waiting = ask(prompt("hi"));
        Thread closing = new Thread(open::close);
        closing.start();
        closing.interrupt();
        closing.join();
        answer("hello");
        awaitCall();
        String body = answer("hello again");
        assertThat(waiting.await().body()).isEqualTo(body);
    }

    @Test
    void identicalRequestsOfARunAreOneCall() throws IOException {
        open(CassetteMode.RECORD);
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            clients.add(ask(prompt("hi")));
        }
        assertThat(calls).hasSize(1);
        String body = answer("hello");
        assertThat(clients)
                .allSatisfy(client -> assertThat(client.await().body()).isEqualTo(body));
        assertThat(ask(prompt("hi")).await().body()).isEqualTo(body);
        assertThat(calls).isEmpty();
        assertThat(open.summary(null).recorded()).isEqualTo(1);
    }

    @Test
    void aFailureAndItsRepetitionArePlayedInTheirOrder() throws IOException {
        open(CassetteMode.RECORD);
        Client first = ask(prompt("hi"));
        answer(429, "application/json", "{\"error\":{}}");
        assertThat(first.await().status()).isEqualTo(429);
        Client second = ask(prompt("hi"));
        awaitCall();
        String body = answer("hello");
        assertThat(second.await().body()).isEqualTo(body);
        open(CassetteMode.REPLAY);
        assertThat(ask(prompt("hi")).await().status()).isEqualTo(429);
        assertThat(ask(prompt("hi")).await().body()).isEqualTo(body);
        assertThat(ask(prompt("hi")).await().body()).isEqualTo(body);
        assertThat(open.summary(null).unused()).isEmpty();
        // A later run without the failure removes the failure's recording.
        open(CassetteMode.RECORD);
        ask(prompt("hi"));
        answer("hello");
        open(CassetteMode.REPLAY);
        assertThat(ask(prompt("hi")).await().status()).isEqualTo(200);
        assertThat(files()).hasSize(1);
    }

    @Test
    void aMissNamesTheNearestRecordingAndThePlace() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("What is the capital of France?"));
        answer("Paris");
        ask(prompt("Sing a song"));
        answer("La");
        open(CassetteMode.REPLAY);
        Got got = ask(prompt("What is the capital of Spain?")).await();
        assertThat(got.status()).isEqualTo(504);
        assertThat(((ProxyException) got.failure()).isLasting()).isTrue();
        String near = files().stream()
                .filter(file -> contains(file, "France"))
                .map(file -> file.getFileName().toString())
                .findFirst()
                .orElseThrow();
        assertThat(got.failure())
                .hasMessageContaining("The nearest is " + near)
                .hasMessageContaining("they differ first at $.messages[0].content: recorded \"What is the capital of"
                        + " France?\", asked \"What is the capital of Spain?\"");
        assertThat(open.summary(null).missingCount()).isEqualTo(1);
        assertThat(open.summary(null).unused()).hasSize(2);
        assertThat(calls).isEmpty();
    }

    private static boolean contains(Path file, String text) {
        try {
            return Files.readString(file).contains(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aMissIsRecordedAndTheRestIsPlayed() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("one"));
        String one = answer("1");
        open(CassetteMode.RECORD_MISSING);
        assertThat(ask(prompt("one")).await().body()).isEqualTo(one);
        assertThat(ask(prompt("one")).await().body()).isEqualTo(one);
        assertThat(calls).isEmpty();
        Client missing = ask(prompt("two"));
        String two = answer("2");
        assertThat(missing.await().body()).isEqualTo(two);
        assertThat(ask(prompt("two")).await().body()).isEqualTo(two);
        close();
        assertThat(files()).hasSize(2);
    }

    @Test
    void aRefreshRewritesWhatHasChangedAndSaysSo() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("one"));
        String one = answer("same");
        ask(prompt("two"));
        answer("old");
        ask(prompt("three"));
        answer("left alone");
        close();
        now = NOW.plus(Duration.ofDays(30));
        open(CassetteMode.REFRESH);
        // The same answer comes with another id. Programs get the recorded id, because later requests may name it.
        Client same = ask(prompt("one"));
        answer("same");
        assertThat(same.await().body()).isEqualTo(one);
        Client changed = ask(prompt("two"));
        String two = answer("new");
        assertThat(changed.await().body()).isEqualTo(two);
        close();
        open(CassetteMode.REFRESH);
        ask(prompt("one"));
        answer("same");
        close();
        open(CassetteMode.REPLAY);
        assertThat(ask(prompt("one")).await().body()).isEqualTo(one);
        assertThat(ask(prompt("two")).await().body()).isEqualTo(two);
        Summary summary = open.summary(Duration.ofDays(10));
        assertThat(summary.unused()).hasSize(1);
        assertThat(summary.outdated()).isEmpty();
        assertThat(files().stream().filter(file -> contains(file, "confirmed: \"2026-12-29T12:00:00Z\"")))
                .hasSize(1);
    }

    @Test
    void aRefreshReportsWhatChanged() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("one"));
        answer("old");
        open(CassetteMode.REFRESH);
        Client client = ask(prompt("one"));
        answer("new");
        client.await();
        ask(prompt("one")).await();
        Summary summary = open.summary(null);
        assertThat(summary.changed()).hasSize(1);
        assertThat(summary.toString()).contains("1 changed, 0 as before").contains("changed: chat-demo-");
    }

    @Test
    void anOldRecordingIsNamed() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("one"));
        answer("1");
        close();
        now = NOW.plus(Duration.ofDays(31));
        open(CassetteMode.REPLAY);
        ask(prompt("one")).await();
        assertThat(open.summary(Duration.ofDays(31)).outdated()).isEmpty();
        assertThat(open.summary(Duration.ofDays(30)).outdated()).hasSize(1);
        assertThat(open.summary(null).toString()).contains("the oldest recording is 31 days old");
    }

    @Test
    void eachSampleHasItsAnswerAndTheyComeInTurn() throws IOException {
        open(CassetteMode.RECORD);
        List<String> recorded = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            ask(prompt("joke"), "X-Refrain-Samples", "3");
            recorded.add(answer("joke " + i));
        }
        open(CassetteMode.REPLAY);
        for (int i = 0; i < 6; i++) {
            assertThat(ask(prompt("joke"), "X-Refrain-Samples", "3").await().body())
                    .isEqualTo(recorded.get(i % 3));
        }
        assertThat(ask(prompt("joke"), "X-Refrain-Sample", "1").await().body()).isEqualTo(recorded.get(1));
        assertThat(ask(prompt("joke")).await().failure())
                .hasMessageMatching(".*differ first at X-Refrain-Sample: recorded \"[012]\", asked \"none\".*");
    }

    @Test
    void membersThatDoNotCountBreakNoRecording() throws IOException {
        Map<Endpoint, KeyRules> rules = Map.of(Endpoint.CHAT, KeyRules.NONE.ignoring(List.of("metadata.session")));
        open(CassetteMode.RECORD, rules);
        ask("{\"model\":\"demo\",\"messages\":[],\"metadata\":{\"session\":1}}");
        String body = answer("hello");
        open(CassetteMode.REPLAY, rules);
        assertThat(ask("{\"model\":\"demo\",\"messages\":[],\"metadata\":{\"session\":2}}")
                        .await()
                        .body())
                .isEqualTo(body);
    }

    @Test
    void fieldsOfTheKeyCountAndOthersDoNot() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("hi"), "Anthropic-Beta", "x", "Authorization", "Bearer secret-one", "User-Agent", "a");
        String body = answer("hello secret-one");
        open(CassetteMode.REPLAY);
        assertThat(ask(prompt("hi"), "anthropic-beta", "x", "x-api-key", "another")
                        .await()
                        .body())
                .isEqualTo(body.replace("secret-one", "**********"));
        assertThat(ask(prompt("hi")).await().failure()).hasMessageContaining("the header fields of the key");
        assertThat(files()).noneMatch(file -> contains(file, "secret-one"));
    }

    @Test
    void aClientThatLeavesHasItsAnswerRecorded() throws IOException {
        open(CassetteMode.RECORD);
        Client client = new Client();
        CallRecorder.Call call = new CallRecorder.Call(
                Endpoint.CHAT, null, "", new Fields(Map.of()), prompt("hi").getBytes(StandardCharsets.UTF_8));
        open.over(call, provider()).fetch(client).cancel();
        String body = answer("hello");
        assertThat(ask(prompt("hi")).await().body()).isEqualTo(body);
        assertThat(client.got).isNotDone();
    }

    @Test
    void aCallThatFailsIsNotRecordedAndTheNextOneCalls() throws IOException {
        open(CassetteMode.RECORD);
        Client first = ask(prompt("hi"));
        Client second = ask(prompt("hi"));
        calls.remove().join().fail(new IOException("cut"));
        assertThat(first.await().failure()).hasMessage("cut");
        awaitCall();
        String body = answer("hello");
        assertThat(second.await().body()).isEqualTo(body);
        close();
        assertThat(files()).hasSize(1);
    }

    @Test
    void aStreamIsPlayedEventByEvent() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("hi"));
        answer(200, "text/event-stream", "data: {\"a\"", ":1}\n\ndata: ", "2\n\n", ": x\n\ndata: [DONE]\n\n");
        open(CassetteMode.REPLAY);
        List<String> pieces = new ArrayList<>();
        Client client = new Client() {
            @Override
            public void chunk(ByteBuffer bytes) {
                pieces.add(StandardCharsets.UTF_8.decode(bytes).toString());
            }
        };
        open.over(
                        new CallRecorder.Call(
                                Endpoint.CHAT,
                                null,
                                "",
                                new Fields(Map.of()),
                                prompt("hi").getBytes(StandardCharsets.UTF_8)),
                        provider())
                .fetch(client);
        client.await();
        assertThat(pieces).containsExactly("data: {\"a\":1}\n\n", "data: 2\n\n", ": x\n\n", "data: [DONE]\n\n");
    }

    @Test
    void withoutMemoryNothingIsRecordedAndTheClientIsServed() throws IOException {
        open(CassetteMode.RECORD);
        MemoryBudget.Reservation rest = memory.open();
        rest.require(memory.limitBytes() / 16 * 9);
        Client client = ask(prompt("hi"));
        String body = answer("hello");
        assertThat(client.await().body()).isEqualTo(body);
        rest.close();
        assertThat(open.summary(null).passed()).anyMatch(why -> why.contains("there was no memory"));
    }

    @Test
    void aFolderThatIsNotThereCannotBePlayed() {
        folder = folder.resolve("none");
        assertThatThrownBy(() -> open(CassetteMode.REPLAY))
                .hasMessageContaining("There is no folder")
                .hasMessageContaining("refrain record --cassettes");
    }

    @Test
    void withoutMemoryNothingIsPlayed() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("hi"));
        answer("long ".repeat(20_000));
        open(CassetteMode.REPLAY);
        MemoryBudget.Reservation rest = memory.open();
        rest.require(memory.limitBytes() / 16 * 10 - 1000);
        assertThat(ask(prompt("hi")).await().failure()).hasMessageContaining("There was no memory");
        rest.close();
        assertThat(ask(prompt("hi")).await().body()).contains("long long");
    }

    @Test
    void aClientThatIsSlowHoldsWhatItGetsInTheBudget() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("hi"));
        answer("long ".repeat(20_000));
        open(CassetteMode.REPLAY);
        CompletableFuture<Runnable> asked = new CompletableFuture<>();
        Client client = new Client() {
            @Override
            public void whenDrained(Runnable action) {
                asked.complete(action);
            }
        };
        Upstream.Call call = over(prompt("hi"), client);
        asked.orTimeout(60, TimeUnit.SECONDS).join();
        assertThat(memory.usedBytes()).isGreaterThan(100_000);
        call.cancel();
        assertThat(memory.usedBytes()).isZero();
    }

    private Upstream.Call over(String body, ResponseSink client) {
        CallRecorder.Call call = new CallRecorder.Call(
                Endpoint.CHAT, null, "", new Fields(Map.of()), body.getBytes(StandardCharsets.UTF_8));
        return open.over(call, provider()).fetch(client);
    }

    @Test
    void aLongRequestIsNotReadOnTheThreadOfItsClient() throws IOException {
        String prompt = prompt("x".repeat(100_000));
        open(CassetteMode.RECORD);
        CompletableFuture<String> reads = new CompletableFuture<>();
        RequestFields fields = new Fields(Map.of()) {
            @Override
            public void forEach(BiConsumer<String, List<String>> action) {
                reads.complete(Thread.currentThread().getName());
            }
        };
        Client client = new Client();
        open.over(
                        new CallRecorder.Call(Endpoint.CHAT, null, "", fields, prompt.getBytes(StandardCharsets.UTF_8)),
                        provider())
                .fetch(client);
        assertThat(reads.orTimeout(60, TimeUnit.SECONDS).join()).isEqualTo("refrain-cassettes");
        awaitCall();
        String body = answer("hello");
        assertThat(client.await().body()).isEqualTo(body);
        open(CassetteMode.REPLAY);
        assertThat(ask(prompt).await().body()).isEqualTo(body);
        // The recording is not read on the thread of a client that has left, either.
        Client left = new Client();
        over(prompt, left).cancel();
        assertThat(ask(prompt).await().body()).isEqualTo(body);
    }

    @Test
    void aSuiteOfMissesDoesNotReadTheFolderForEach() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("one"));
        answer("1");
        open(CassetteMode.REPLAY);
        for (int i = 0; i < 20; i++) {
            assertThat(ask(prompt("miss " + i)).await().failure()).hasMessageContaining("they differ first at");
        }
        assertThat(ask(prompt("one more")).await().failure())
                .hasMessageContaining("There is no recording of this request")
                .hasMessageContaining("The nearest is named for the first 20 of a run.");
    }

    /** Clients decide how many different requests there are, so only a bounded number is remembered. */
    @Test
    void requestsBeyondTheRememberedNumberArePassedOn() throws IOException {
        close();
        open = Cassettes.in(folder)
                .mode(CassetteMode.RECORD)
                .memory(memory)
                .mostRequests(2)
                .open();
        for (int i = 0; i < 4; i++) {
            ask(prompt("request " + i));
            answer("answer " + i);
        }
        assertThat(open.summary(null).passed()).containsExactly("more than 2 different requests in one run");
        open(CassetteMode.REPLAY);
        assertThat(ask(prompt("request 1")).await().body()).contains("answer 1");
        assertThat(ask(prompt("request 2")).await().failure()).isNotNull();
    }

    /** Messages about up to a thousand misses are kept for the report at the end of the run, so they must be short. */
    @Test
    void f16_longNamesOfARequestAreNotKept() throws IOException {
        open(CassetteMode.RECORD);
        ask(prompt("one"));
        answer("1");
        open(CassetteMode.REPLAY);
        String name = "n".repeat(40_000);
        for (String body : List.of(
                "{\"model\":\"" + name.repeat(20) + "\",\"messages\":[]}",
                "{\"model\":\"m\",\"" + name + "\":1,\"messages\":[]}",
                "{\"model\":\"m\",\"messages\":[],\"metadata\":{\"" + name + "\":\"" + name + "\"}}")) {
            assertThat(ask(body).await().failure().getMessage())
                    .startsWith("There is no recording of this request")
                    .hasSizeLessThan(5_000);
        }
    }

    @Test
    void atMostOneArrivalTimePerMillisecondIsKept() throws IOException {
        long[] nanos = {0};
        Turn turn = new Turn(RecordingFileTest.request("{}"), "", new Secrets(), null, new Client(), memory.open());
        try (Capture capture = new Capture(turn, false, new Secrets(), memory, () -> nanos[0], null)) {
            capture.head(new ResponseHead(200, "text/event-stream", null, -1, null, null, Map.of()));
            for (int i = 0; i < 1000; i++) {
                capture.chunk(ByteBuffer.wrap(new byte[] {'\n'}));
            }
            assertThat(memory.usedBytes()).isBetween(3000L, 4000L);
            for (int i = 0; i < 1000; i++) {
                nanos[0] += 1_000_000;
                capture.chunk(ByteBuffer.wrap(new byte[] {'\n'}));
            }
            assertThat(memory.usedBytes()).isGreaterThan(60_000);
            assertThat(capture.answer().events()).hasSize(1000).allMatch(event -> event.gapMillis() <= 2);
        }
        assertThat(memory.usedBytes()).isZero();
    }

    @Test
    void twoRunsMayRecordIntoOneFolder() throws Exception {
        List<Cassettes> runs = new ArrayList<>();
        for (int run = 0; run < 4; run++) {
            runs.add(Cassettes.in(folder)
                    .mode(CassetteMode.RECORD)
                    .memory(memory)
                    .open());
        }
        List<Thread> threads = runs.stream()
                .map(run -> new Thread(() -> {
                    for (int i = 0; i < 25; i++) {
                        open(run, i);
                    }
                }))
                .toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        runs.forEach(Cassettes::close);
        open(CassetteMode.REPLAY);
        for (int i = 0; i < 25; i++) {
            assertThat(ask(prompt("p" + i)).await().body()).isEqualTo(ANSWER.formatted(i, "same"));
        }
        assertThat(files()).hasSize(25);
    }

    private static void open(Cassettes run, int i) {
        Client client = new Client();
        run.over(
                        new CallRecorder.Call(
                                Endpoint.CHAT,
                                null,
                                "",
                                new Fields(Map.of()),
                                prompt("p" + i).getBytes(StandardCharsets.UTF_8)),
                        sink -> {
                            sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
                            sink.chunk(
                                    ByteBuffer.wrap(ANSWER.formatted(i, "same").getBytes(StandardCharsets.UTF_8)));
                            sink.end();
                            return Upstream.Call.UNSTOPPABLE;
                        })
                .fetch(client);
        client.await();
    }
}
