package dev.refrain.console.activity;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.MovableClock;
import dev.refrain.testing.SmallDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a full disk, records are lost and counted, and one line is logged. With room, records are written again. */
class ActivityLogFullDiskTest {
    private static final int MEBIBYTES = 4;

    @TempDir
    Path folder;

    private final CapturedLog captured = new CapturedLog(Journal.class.getName());
    private final List<String> lines = captured.lines();
    private final MovableClock clock = new MovableClock();
    private SmallDisk disk;

    @BeforeEach
    void mount() throws IOException {
        disk = new SmallDisk(folder.resolve("disk"), MEBIBYTES);
    }

    @AfterEach
    void unmount() {
        captured.close();
        if (disk != null) {
            disk.close();
        }
    }

    private ActivityLog open() {
        return ActivityLog.open(
                new ActivityOptions(disk.resolve("activity"), true, 256L << 20, Duration.ofDays(30), "USD", List.of()),
                clock);
    }

    private String hit(ActivityLog log) {
        String id = GenerationId.mint(clock.millis() / 1000);
        Account account = log.begin(Endpoint.CHAT);
        account.caller(new Caller(null, "a", "efcdab8967452301"));
        account.head(
                200,
                id,
                new CacheOutcome.Hit(
                        10,
                        290,
                        id,
                        new Savings(new AnswerFacts(null, 100, 50, 150, AnswerFacts.UNKNOWN, null), 2000)));
        account.served(false);
        return id;
    }

    /** Logs more requests than wait in memory, and empties the queue on this thread now and then. */
    private String hits(ActivityLog log, int count) {
        String last = null;
        for (int i = 0; i < count; i++) {
            last = hit(log);
            if (i % 5000 == 0) {
                log.stats();
            }
        }
        return last;
    }

    @Test
    void recordsThatDoNotFitAreCountedAndTheRestGoesOn() throws IOException {
        Path filler = disk.resolve("filler");
        int total = 100_000;
        String first;
        String last;
        try (ActivityLog log = open()) {
            first = hit(log);
        }
        try (ActivityLog log = open()) {
            // Opens the file.
            log.stats();
            fill(filler);
            hits(log, total);
            Stats full = log.stats();
            assertThat(full.requests().hit()).isEqualTo(total);
            assertThat(full.log().dropped()).isGreaterThan(total / 2);
            assertThat(full.log().records() + full.log().dropped()).isEqualTo(1 + total);
            assertThat(log.find(first)).isPresent();
            assertThat(lines)
                    .singleElement()
                    .asString()
                    .startsWith("WARNING Records of requests could not be written to " + disk.resolve("activity"))
                    .contains("full");

            Files.delete(filler);
            last = hits(log, 5000);
        }
        try (ActivityLog log = open()) {
            assertThat(log.find(first)).isPresent();
            assertThat(log.find(last)).isPresent();
            assertThat(log.query(Filter.ALL, 1000, null).data()).hasSize(1000);
        }
        assertThat(lines).hasSize(1);
    }

    @Test
    void whatCannotBeOpenedIsTriedAgain() throws IOException {
        Path filler = disk.resolve("filler");
        fill(filler);
        try (ActivityLog log = open()) {
            hit(log);
            assertThat(log.stats().log().dropped()).isOne();
            Files.delete(filler);
            clock.advance(Duration.ofSeconds(50));
            hit(log);
            assertThat(log.stats().log().dropped()).isEqualTo(2);
            clock.advance(Duration.ofSeconds(11));
            // The log's own thread tries again; it looks at the clock a few times a second.
            until(() -> lines.size() >= 2);
            String last = hit(log);
            assertThat(log.find(last)).isPresent();
            assertThat(log.stats().log())
                    .extracting(Stats.Log::records, Stats.Log::dropped)
                    .containsExactly(1L, 2L);
            assertThat(log.series(TimeSeries.Range.HOUR).stream()
                            .mapToLong(point -> point.requests().hit()))
                    .contains(2L, 1L);
        }
        Path file = disk.resolve("activity");
        assertThat(lines)
                .hasSize(2)
                .first()
                .asString()
                .startsWith("SEVERE Requests are not logged: " + file + " cannot be used: ")
                .endsWith("Refrain tries again every minute");
        assertThat(lines).last().isEqualTo("INFO Requests are logged to " + file + " now");
    }

    private static void fill(Path filler) throws IOException {
        try (var out = Files.newOutputStream(filler)) {
            while (true) {
                out.write(new byte[4096]);
            }
        } catch (IOException full) {
            assertThat(Files.size(filler)).isGreaterThan(MEBIBYTES << 19);
        }
    }
}
