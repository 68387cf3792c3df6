package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Logs that earlier builds wrote, opened as docs/UPGRADING.md says; docs/STORAGE-FORMAT.md says how to add one. Each
 * log is of a proxy that has answered three requests: a miss, a hit, and one for which caching was off.
 */
class EarlierLogsTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-30T23:00:00Z"), ZoneOffset.UTC);

    @TempDir
    Path folder;

    private ActivityLog unpacked(String name) throws IOException {
        Path file = folder.resolve("answers.refrain.activity");
        try (InputStream in = EarlierLogsTest.class.getResourceAsStream("formats/" + name + ".zip");
                ZipInputStream zip = new ZipInputStream(in)) {
            zip.getNextEntry();
            Files.copy(zip, file);
        }
        return open(file);
    }

    private static ActivityLog open(Path file) {
        return ActivityLog.open(ActivityOptions.of(file, 256 << 20, Duration.ofDays(2)), CLOCK);
    }

    /** Each format has a line here, the present one the last. A change of the format adds a line for the new format. */
    @ParameterizedTest
    @CsvSource({
        "records1-minutes1, , , ",
        "records2-minutes1, always, , ",
        "records3-minutes2, always, team, ",
        "records4-minutes2, always, team, mine-1"
    })
    void aLogOfAnEarlierBuildIsReadAndGoesOn(String name, String policy, String namespace, String requestId)
            throws IOException {
        try (ActivityLog log = unpacked(name)) {
            List<Activity> newest = log.query(Filter.ALL, 10, null).data();
            assertThat(newest).extracting(Activity::outcome).containsExactly(Outcome.OFF, Outcome.HIT, Outcome.MISS);
            assertThat(newest).allSatisfy(each -> {
                assertThat(each.model()).isEqualTo("demo");
                assertThat(each.status()).isEqualTo(200);
                assertThat(each.policy()).isEqualTo(policy);
                assertThat(each.requestId()).isEqualTo(requestId);
            });
            Activity hit = newest.get(1);
            Activity miss = newest.get(2);
            assertThat(hit.namespace()).isEqualTo(namespace);
            assertThat(hit.tokensSaved()).isPositive().isEqualTo(miss.tokensUsed());
            assertThat(log.sourceOf(hit)).contains(miss);
            assertThat(log.series(TimeSeries.Range.DAY).stream()
                            .mapToLong(each -> each.requests().hit())
                            .sum())
                    .isEqualTo(1);
            log.begin(hit.endpoint()).served(true);
            assertThat(log.query(Filter.ALL, 10, null).data()).hasSize(4).containsAll(newest);
        }
        try (ActivityLog log = open(folder.resolve("answers.refrain.activity"));
                Stream<Path> files = Files.list(folder)) {
            assertThat(log.query(Filter.ALL, 10, null).data()).hasSize(4);
            assertThat(files.map(file -> file.getFileName().toString())).noneMatch(each -> each.contains("damaged"));
        }
    }
}
