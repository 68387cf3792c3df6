package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.CHAT_STREAM;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.FlightTest.Call;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.HeapStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whole answers as futures, for embedders. */
class WholeAnswerTest {
    private static final String STREAM_REQUEST = "{\"stream\":true,\"messages\":[]}";

    private final List<Call> calls = new ArrayList<>();
    private final Upstream upstream = sink -> {
        Call call = new Call(sink);
        calls.add(call);
        return call;
    };

    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(Path.of("unused"))
                .store(new HeapStore(1L << 30))
                .cancelWhenAbandoned(true)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private CompletableFuture<WholeAnswer> ask(String body) {
        return cache.respond(chat(body), CacheControls.on(Duration.ofMinutes(5)), upstream)
                .toCompletableFuture();
    }

    private static String text(WholeAnswer answer) {
        return StandardCharsets.UTF_8.decode(answer.body()).toString();
    }

    @Test
    void leaderFollowerAndHitAreAnsweredWhole() {
        CompletableFuture<WholeAnswer> leader = ask(CHAT_REQUEST);
        CompletableFuture<WholeAnswer> follower = ask(CHAT_REQUEST);
        calls.get(0).begin(200, "application/json").send(CHAT_ANSWER.substring(0, 9));
        assertThat(leader).isNotDone();
        calls.get(0).send(CHAT_ANSWER.substring(9)).sink.end();

        assertThat(text(leader.join())).isEqualTo(CHAT_ANSWER);
        assertThat(leader.join().toByteArray()).isEqualTo(utf8(CHAT_ANSWER));
        assertThat(leader.join().length()).isEqualTo(CHAT_ANSWER.length());
        assertThat(leader.join().head().cache()).isEqualTo(new CacheOutcome.Miss(300, false));
        assertThat(text(follower.join()))
                .contains(follower.join().head().generationId())
                .contains("\"total_tokens\":0");
        assertThat(ask(CHAT_REQUEST).getNow(null).head().cache()).isInstanceOf(CacheOutcome.Hit.class);
        assertThat(calls).hasSize(1);
    }

    @Test
    void aStreamIsOneBody() {
        CompletableFuture<WholeAnswer> leader = ask(STREAM_REQUEST);
        calls.get(0).begin(200, "text/event-stream").send(CHAT_STREAM).sink.end();
        assertThat(text(leader.join())).isEqualTo(CHAT_STREAM);
    }

    @Test
    void anErrorStatusIsAnAnswerAndABrokenCallIsAFailure() {
        CompletableFuture<WholeAnswer> refused = ask(CHAT_REQUEST);
        calls.get(0).begin(429, "application/json").send("{}").sink.end();
        assertThat(refused.join().head().status()).isEqualTo(429);

        CompletableFuture<WholeAnswer> broken = ask(CHAT_REQUEST);
        calls.get(1).begin(200, "application/json").send("{").sink.fail(new IOException("reset"));
        assertThatThrownBy(broken::join).hasRootCauseMessage("reset");
    }

    @Test
    void cancellingTheFutureCountsAsLeaving() {
        CompletableFuture<WholeAnswer> leader = ask(STREAM_REQUEST);
        CompletableFuture<WholeAnswer> follower = ask(STREAM_REQUEST);
        calls.get(0).begin(200, "text/event-stream").send("data: {}\n\n");
        leader.cancel(false);
        assertThat(calls.get(0).cancelled).isFalse();
        follower.cancel(false);
        assertThat(calls.get(0).cancelled).isTrue();
        assertThat(leader).isCancelled();
    }

    @Test
    void aCompletedFutureDoesNotCountAsLeaving() {
        CompletableFuture<WholeAnswer> leader = ask(STREAM_REQUEST);
        CompletableFuture<WholeAnswer> follower = ask(STREAM_REQUEST);
        calls.get(0).begin(200, "text/event-stream").send(CHAT_STREAM).sink.end();
        assertThat(leader).isCompleted();
        assertThat(follower).isCompleted();
        assertThat(calls.get(0).cancelled).isFalse();
    }

    @Test
    void theBodyCannotBeWrittenTo() {
        CompletableFuture<WholeAnswer> leader = ask(CHAT_REQUEST);
        calls.get(0).begin(200, "application/json").send(CHAT_ANSWER).sink.end();
        assertThat(leader.join().body().isReadOnly()).isTrue();
        leader.join().toByteArray()[0] = 'x';
        leader.join().body().get();
        assertThat(text(leader.join())).isEqualTo(CHAT_ANSWER);
    }
}
