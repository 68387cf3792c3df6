package dev.refrain.cassettes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Order of a recorded stream's events and pauses. The test notes each pause and does not wait for it. */
class PlaybackTest {
    private final ConcurrentLinkedQueue<String> done = new ConcurrentLinkedQueue<>();
    private final MemoryBudget memory = new MemoryBudget(1 << 20);
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    private final ResponseSink client = new ResponseSink() {
        @Override
        public void head(ResponseHead head) {
            done.add("head");
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            done.add(StandardCharsets.UTF_8.decode(bytes).toString());
        }

        @Override
        public void whenDrained(Runnable action) {
            done.add("drained");
            action.run();
        }

        @Override
        public void end() {
            ended.complete(null);
        }

        @Override
        public void fail(Throwable cause) {
            ended.completeExceptionally(cause);
        }
    };

    private List<String> played(Pace pace) throws IOException {
        ScheduledThreadPoolExecutor threads = new ScheduledThreadPoolExecutor(1) {
            @Override
            public ScheduledFuture<?> schedule(Runnable command, long delay, TimeUnit unit) {
                done.add(unit.toMillis(delay) + " ms");
                return super.schedule(command, 0, unit);
            }
        };
        RecordedAnswer answer = new RecordedAnswer(
                200,
                "text/event-stream",
                List.of(),
                5,
                "abc".getBytes(StandardCharsets.UTF_8),
                List.of(new RecordedAnswer.Event(1, 7), new RecordedAnswer.Event(2, 0), new RecordedAnswer.Event(3, 9)),
                AnswerFacts.NONE);
        Turn turn = new Turn(RecordingFileTest.request("{}"), "", new Secrets(), null, client, memory.open());
        new Playback(answer, pace, threads, turn).start();
        ended.orTimeout(60, TimeUnit.SECONDS).join();
        threads.shutdown();
        assertThat(memory.usedBytes()).isZero();
        return List.copyOf(done);
    }

    @Test
    void playbackWaitsForTheClientAndThenPauses() throws IOException {
        assertThat(played(Pace.RECORDED))
                .containsExactly("5 ms", "head", "drained", "7 ms", "a", "b", "drained", "9 ms", "c");
    }

    @Test
    void withoutPausesPlaybackWaitsOnlyForTheClient() throws IOException {
        assertThat(played(Pace.INSTANT)).containsExactly("head", "a", "b", "c");
    }
}
