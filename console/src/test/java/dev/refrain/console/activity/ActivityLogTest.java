package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.Assertions.tuple;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log of requests, its counters and its file. Long, since the log is the only way to all three. */
class ActivityLogTest {
    private static final long MEBIBYTE = 1 << 20;
    private static final AnswerFacts FACTS = new AnswerFacts(null, 100, 50, 150, AnswerFacts.UNKNOWN, "stop");
    private static final Caller A = new Caller(null, "efcdab896745", "efcdab8967452301");

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private ActivityLog log;

    @BeforeEach
    void begin() {
        log = open();
    }

    @AfterEach
    void close() {
        log.close();
    }

    private ActivityLog open() {
        return open(options());
    }

    private ActivityLog open(ActivityOptions options) {
        return ActivityLog.open(options, clock);
    }

    private ActivityOptions options() {
        return ActivityOptions.of(file(), 256 * MEBIBYTE, Duration.ofDays(2));
    }

    private ActivityOptions ofSize(long maxBytes) {
        return ActivityOptions.of(file(), maxBytes, Duration.ofDays(2));
    }

    private ActivityOptions named() {
        return new ActivityOptions(file(), true, 256 * MEBIBYTE, Duration.ofDays(2), "USD", List.of());
    }

    private void reopen(ActivityOptions options) {
        log.close();
        log = open(options);
    }

    private void reopen() {
        reopen(options());
    }

    private Path file() {
        return folder.resolve("answers.refrain.activity");
    }

    private String id() {
        return GenerationId.mint(clock.millis() / 1000);
    }

    private String hit(String model, String source) {
        String id = id();
        Account account = begin(model);
        account.head(200, id, new CacheOutcome.Hit(10, 290, source, new Savings(FACTS, 2000)));
        account.wrote(500);
        account.served(false);
        return id;
    }

    private String miss(String model) {
        String id = id();
        Account account = begin(model);
        account.callStarted().ended(FACTS);
        account.head(200, id, new CacheOutcome.Miss(300, true));
        account.served(false);
        return id;
    }

    private Account begin(String model) {
        Account account = log.begin(Endpoint.CHAT);
        account.caller(A);
        account.request(model, null, false);
        return account;
    }

    @Test
    void f6_anIdThatAProviderRepeatsDoesNotMixUpRequests() {
        CacheKey ofX = key(1);
        CacheKey ofY = key(2);
        Activity x = stub(A, ofX, new CacheOutcome.Miss(300, true));
        Activity y = stub(A, ofY, new CacheOutcome.Miss(300, true));
        Caller other = new Caller(null, "001122334455", "0011223344556677");
        stub(other, ofX, new CacheOutcome.Miss(300, true));
        Activity hit = stub(A, ofX, new CacheOutcome.Hit(10, 290, "stub", new Savings(FACTS, 2000)));
        assertThat(log.sourceOf(hit)).contains(x);
        assertThat(log.sourceOf(x)).isEmpty();
        assertThat(log.find(y.sequence())).contains(y);
        assertThat(log.find("stub", other).orElseThrow().scopeTag()).isEqualTo(other.tag());
        reopen();
        assertThat(log.sourceOf(hit)).contains(x);
    }

    private static CacheKey key(int first) {
        byte[] digest = new byte[32];
        digest[0] = (byte) first;
        return new CacheKey(Endpoint.CHAT, false, digest, 0);
    }

    /**
     * Logs a request whose answer has the id {@code stub}, as some providers name every answer. A hit gets its own id.
     */
    private Activity stub(Caller caller, CacheKey key, CacheOutcome outcome) {
        Account account = log.begin(Endpoint.CHAT);
        account.caller(caller);
        account.request("m", null, false);
        account.expect(outcome, key);
        boolean isHit = outcome instanceof CacheOutcome.Hit;
        account.head(200, isHit ? id() : "stub", outcome);
        account.served(false);
        return log.query(Filter.ALL, 1, null).data().get(0);
    }

    @Test
    void aMissSaysWhatItCostAndAHitWhatItSaved() throws IOException {
        reopen(new ActivityOptions(
                file(),
                false,
                256 * MEBIBYTE,
                Duration.ofDays(2),
                "USD",
                List.of(new ModelPrice("m", new BigDecimal("0.25"), new BigDecimal("2")))));
        String source = miss("m");
        String repeated = hit("m", source);

        Activity miss = log.find(source).orElseThrow();
        assertThat(miss.outcome()).isEqualTo(Outcome.MISS);
        assertThat(miss.promptTokens()).isEqualTo(100);
        assertThat(miss.completionTokens()).isEqualTo(50);
        assertThat(miss.cost()).isEqualByComparingTo("0.000125");
        assertThat(miss.moneySaved()).isNull();
        assertThat(miss.finishReason()).isEqualTo("stop");
        assertThat(miss.createdAtMillis()).isBetween(clock.millis() - 5000, clock.millis());
        Activity hit = log.find(repeated).orElseThrow();
        assertThat(hit.outcome()).isEqualTo(Outcome.HIT);
        assertThat(hit.promptTokens()).isZero();
        assertThat(hit.completionTokens()).isZero();
        assertThat(hit.tokensSaved()).isEqualTo(150);
        assertThat(hit.millisSaved()).isBetween(1000L, 2000L);
        assertThat(hit.moneySaved()).isEqualByComparingTo("0.000125");
        assertThat(hit.cost()).isEqualByComparingTo("0");
        assertThat(hit.sourceId()).isEqualTo(source);
        assertThat(hit.finishReason()).isEqualTo("stop");
        assertThat(hit.bytes()).isEqualTo(500);
        assertThat(hit.scope()).isEqualTo("efcdab896745");

        Stats stats = log.stats();
        assertThat(stats.requests()).isEqualTo(new Stats.Counts(1, 0, 0, 1, 0, 0, 0));
        assertThat(stats.requests().hitRatio()).isEqualTo(0.5);
        assertThat(stats.tokensSaved()).isEqualTo(150);
        assertThat(stats.tokensUsed()).isEqualTo(150);
        assertThat(stats.moneySaved()).isEqualByComparingTo("0.000125");
        assertThat(stats.unpricedTokens()).isZero();
        assertThat(stats.hit().count()).isEqualTo(1);
        assertThat(stats.log().records()).isEqualTo(2);
    }

    @Test
    void noPriceIsGuessed() {
        assertThat(log.find(hit("m", "x")).orElseThrow().moneySaved()).isNull();
        assertThat(log.stats().unpricedTokens()).isEqualTo(150);
        assertThat(log.stats().moneySaved()).isEqualByComparingTo(BigDecimal.ZERO);
        assertThat(log.find(miss("m")).orElseThrow().cost()).isNull();
    }

    @Test
    void aLabelLeadsToAllItsScopesHoweverLongAgoTheyCame() {
        for (int i = 0; i < 3000; i++) {
            Account account = log.begin(Endpoint.CHAT);
            String label = i == 5 || i == 2900 ? "team" : "other";
            account.caller(new Caller(null, label, String.format("%016x", i)));
            account.head(200, id(), null);
            account.served(false);
        }
        assertThat(log.scopeTags(Set.of("team", "none")))
                .containsExactlyInAnyOrder("0000000000000005", "0000000000000b54");
        assertThat(log.scopeTags(Set.of("nobody"))).isEmpty();
        assertThat(log.scopeTagsInTime(Set.of("team")))
                .isEqualTo(new ActivityLog.Tags(Set.of("0000000000000005", "0000000000000b54"), true));
    }

    /**
     * Asks for the label before a restart and after it. After a restart, labels are known only from the log's file,
     * which is read from its end.
     */
    @Test
    void aCallerHasTheLabelThatItsLatestRequestHad() {
        String tag = "00000000000000aa";
        for (String label : List.of("alice", "bob", tag.substring(0, 12))) {
            Account account = log.begin(Endpoint.CHAT);
            account.caller(new Caller(null, label, tag));
            account.head(200, id(), null);
            account.served(false);
        }
        for (int i = 0; i < 2; i++) {
            assertThat(log.names().labels()).containsExactly(entry(tag, "bob"));
            assertThat(log.query(Filter.ALL, 3, null).data())
                    .extracting(Activity::scope)
                    .containsExactly("bob", "bob", "alice");
            reopen();
        }
    }

    @Test
    void aWalkKeepsTheLatestLabel() {
        LabelNames names = new LabelNames();
        for (int i = 0; i < 4096; i++) {
            names.note("later", String.format("%016x", i));
        }
        names.noteEarlier("earlier", "0000000000001000");
        names.noteEarlier("earlier", "0000000000000fff");
        assertThat(names.byTag())
                .hasSize(4096)
                .containsEntry("0000000000000000", "later")
                .containsEntry("0000000000000fff", "later");
        names.note("latest", "0000000000001000");
        assertThat(names.byTag()).hasSize(4096).containsEntry("0000000000001000", "latest");
    }

    @Test
    void aRecordNamesTheCallerOfTheRequest() {
        String id = hit("m", "x");
        assertThat(log.find(id, A)).isPresent();
        assertThat(log.find(id, new Caller(null, A.label(), "efcdab8967452302")))
                .isEmpty();
    }

    @Test
    void theOutcomeIsRecorded() {
        Account collapsed = begin("m");
        collapsed.head(
                200,
                "a",
                new CacheOutcome.Collapsed(
                        300,
                        "s",
                        ForwardReason.MISS,
                        () -> new Savings(new AnswerFacts(null, 1, 1, 2, AnswerFacts.UNKNOWN, null), 5)));
        collapsed.served(false);
        Account stale = begin("m");
        stale.head(
                200,
                "b",
                new CacheOutcome.HitOnError(
                        new CacheOutcome.Hit(
                                300,
                                -5,
                                "s",
                                new Savings(new AnswerFacts(null, 1, 1, 2, AnswerFacts.UNKNOWN, null), 5)),
                        ForwardReason.STALE,
                        503));
        stale.served(false);
        Account bypass = begin("m");
        bypass.head(200, "c", new CacheOutcome.Bypass(BypassReason.PAYLOAD_TOO_LARGE));
        bypass.served(false);
        Account off = begin("m");
        off.head(404, "d", null);
        off.served(false);
        Account gone = begin("m");
        gone.expect(new CacheOutcome.Miss(300, true), null);
        gone.served(true);
        gone.served(true);

        List<Activity> newest = log.query(Filter.ALL, 10, null).data();
        assertThat(newest)
                .extracting(Activity::outcome)
                .containsExactly(Outcome.MISS, Outcome.OFF, Outcome.BYPASS, Outcome.STALE, Outcome.COLLAPSED);
        assertThat(newest).extracting(Activity::status).containsExactly(499, 404, 200, 200, 200);
        assertThat(newest.get(0).cut()).isTrue();
        assertThat(newest.get(0).id()).isNull();
        assertThat(log.find(newest.get(0).sequence())).contains(newest.get(0));
        assertThat(log.find(newest.get(0).sequence() + 1)).isEmpty();
        assertThat(newest.get(2).reason()).isEqualTo("payload-too-large");
        assertThat(newest.get(3).tokensSaved()).isEqualTo(2);
        assertThat(log.stats().requests()).isEqualTo(new Stats.Counts(0, 1, 1, 1, 1, 1, 2));
        assertThat(log.stats().requests().hitRatio()).isEqualTo(2.0 / 3);
    }

    @Test
    void aRequestIsOverOnlyWhenItsCallIs() {
        Account account = begin("m");
        ProviderCall tap = account.callStarted();
        account.head(200, "x", new CacheOutcome.Miss(300, true));
        account.served(true);
        assertThat(log.find("x")).isEmpty();
        tap.ended(AnswerFacts.NONE);
        tap.ended(AnswerFacts.NONE);
        assertThat(log.find("x")).isPresent();
        account.callStarted().ended(AnswerFacts.NONE);
        assertThat(log.stats().requests().total()).isEqualTo(1);
    }

    @Test
    void pagesGoOnWhereTheLastOneEnded() throws IOException {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            ids.add(0, i % 2 == 0 ? hit("even", "s") : miss("odd"));
            if (i == 3000) {
                reopen();
            }
        }
        List<String> found = new ArrayList<>();
        String cursor = null;
        do {
            ActivityLog.Page page = log.query(new Filter(true, null, null, null, 0), 700, cursor);
            page.data().forEach(activity -> found.add(activity.id()));
            cursor = page.next();
        } while (cursor != null);
        assertThat(found).hasSize(2500).doesNotHaveDuplicates().isSubsetOf(ids);
        assertThat(log.query(new Filter(null, "Od", Endpoint.CHAT, "efcdab896745", 0), 3, null)
                        .data())
                .extracting(Activity::id)
                .containsExactly(ids.get(0), ids.get(2), ids.get(4));
        assertThat(log.query(new Filter(null, null, Endpoint.MESSAGES, null, 0), 3, null)
                        .data())
                .isEmpty();
        assertThat(log.find(ids.get(4999))).isPresent();
        assertThatThrownBy(() -> log.query(Filter.ALL, 1, "!")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theTailHasTheRecordsAfterACursor() {
        hit("m", "s");
        ActivityLog.Tail first = log.after(0, 50);
        assertThat(first.data()).hasSize(1);
        assertThat(log.after(first.sequence(), 50).data()).isEmpty();
        String second = hit("m", "s");
        String third = hit("m", "s");
        assertThat(log.after(first.sequence(), 50).data())
                .extracting(Activity::id)
                .containsExactly(second, third);
        assertThat(log.after(first.sequence(), 1).data())
                .extracting(Activity::id)
                .containsExactly(third);
    }

    @Test
    void sinceLeavesOutWhatIsOlder() {
        hit("m", "s");
        log.stats();
        clock.advance(Duration.ofHours(2));
        String later = hit("m", "s");
        assertThat(log.query(new Filter(null, null, null, null, clock.millis() - 60_000), 10, null)
                        .data())
                .extracting(Activity::id)
                .containsExactly(later);
    }

    @Test
    void everythingIsThereAfterARestart() throws IOException {
        String minted = hit("m", "s");
        Account other = begin("m");
        other.head(200, "chatcmpl-1", new CacheOutcome.Miss(300, true));
        other.served(false);
        reopen();
        assertThat(log.find(minted)).isPresent();
        assertThat(log.find("chatcmpl-1")).isPresent();
        assertThat(log.find("chatcmpl-2")).isEmpty();
        assertThat(log.find(id())).isEmpty();
        assertThat(log.find(minted, A)).isPresent();
        TimeSeries.Point latest = log.series(TimeSeries.Range.HOUR).get(59);
        assertThat(latest.requests().hit()).isEqualTo(1);
        hit("m", "s");
        assertThat(log.series(TimeSeries.Range.HOUR).get(59).requests().hit()).isEqualTo(2);
        assertThat(log.stats().requests().total()).isEqualTo(1);
    }

    @Test
    void f6_aRepeatedAnswerEndedForTheReasonInItsEntryAlsoAfterARestart() throws IOException {
        String source = miss("m");
        String repeated = hit("m", source);
        // F6: a source id that several answers had does not lead to the finish reason of this hit.
        String orphan = hit("m", "chatcmpl-gone");
        for (int restarts = 0; restarts < 2; restarts++) {
            assertThat(log.query(Filter.ALL, 10, null).data())
                    .extracting(Activity::id, Activity::finishReason)
                    .containsExactly(tuple(orphan, "stop"), tuple(repeated, "stop"), tuple(source, "stop"));
            reopen();
        }
        assertThat(log.find(repeated).orElseThrow().finishReason()).isEqualTo("stop");
    }

    @Test
    void theTimeSeriesHasEveryStep() {
        hit("m", "s");
        log.stats();
        clock.advance(Duration.ofMinutes(30));
        miss("m");
        for (TimeSeries.Range range : TimeSeries.Range.values()) {
            List<TimeSeries.Point> points = log.series(range);
            assertThat(points).hasSize(range.steps());
            for (int i = 1; i < points.size(); i++) {
                assertThat(points.get(i).epochSeconds())
                        .isEqualTo(points.get(i - 1).epochSeconds() + range.stepSeconds());
            }
            assertThat(points.stream().mapToLong(p -> p.requests().hit()).sum()).isEqualTo(1);
            assertThat(points.stream().mapToLong(p -> p.requests().miss()).sum())
                    .isEqualTo(1);
            assertThat(points.stream().filter(p -> p.hitP99() != null)).hasSize(1);
            assertThat(points.get(points.size() - 1).missP50()).isNotNull();
            assertThat(points.get(0).moneySaved()).isEqualByComparingTo("0");
        }
        clock.advance(Duration.ofDays(9));
        assertThat(log.series(TimeSeries.Range.WEEK))
                .allSatisfy(p -> assertThat(p.requests().total()).isZero());
    }

    @Test
    void aChosenPeriodIsCutIntoABoundedNumberOfSteps() {
        hit("m", "s");
        log.stats();
        clock.advance(Duration.ofDays(3));
        miss("m");
        long now = clock.millis();
        long[][] minutesAndSteps = {
            {1, 60}, {179, 60}, {181, 300}, {1440, 600}, {3000, 1800}, {8640, 3600}, {11_519, 7200}
        };
        for (long[] of : minutesAndSteps) {
            TimeSeries.Steps series = log.series(now - of[0] * 60_000, Long.MAX_VALUE);
            assertThat(series.stepSeconds()).as("%s minutes", of[0]).isEqualTo((int) of[1]);
            assertThat(series.points()).hasSizeBetween(1, TimeSeries.MOST_STEPS);
            assertThat(series.points()
                            .get(series.points().size() - 1)
                            .requests()
                            .miss())
                    .isEqualTo(1);
            long hits =
                    series.points().stream().mapToLong(p -> p.requests().hit()).sum();
            assertThat(hits).isEqualTo(of[0] > 4320 ? 1 : 0);
        }
        // Steps that are no longer kept, or lie in the future, are left out.
        TimeSeries.Steps all = log.series(0, now + Duration.ofDays(900).toMillis());
        assertThat(all.points()).hasSize(97);
        assertThat(all.points().stream().mapToLong(p -> p.requests().total()).sum())
                .isEqualTo(2);
        assertThat(log.series(0, 1).points()).hasSize(1);
        // The series has a single point: the minute of the hit.
        long then = now - Duration.ofDays(3).toMillis();
        assertThat(log.series(then, then).points())
                .singleElement()
                .satisfies(p -> assertThat(p.requests().hit()).isEqualTo(1));
    }

    /**
     * A request counts at the time that the clock shows: at a later time while the clock is ahead, and at the right
     * time once the clock is right again.
     */
    @Test
    void aClockThatGoesAheadAndBackPutsNoCountInTheWrongPlace() {
        hit("m", "s");
        log.stats();
        clock.advance(Duration.ofDays(1));
        hit("m", "s");
        for (TimeSeries.Range range : TimeSeries.Range.values()) {
            log.series(range);
        }
        clock.advance(Duration.ofDays(-1).plusMinutes(3));
        hit("m", "s");
        clock.advance(Duration.ofMinutes(3));
        assertThat(log.series(TimeSeries.Range.HOUR).stream()
                        .mapToLong(p -> p.requests().hit())
                        .sum())
                .isEqualTo(2);
        clock.advance(Duration.ofDays(1));
        assertThat(log.series(TimeSeries.Range.WEEK).stream()
                        .mapToLong(p -> p.requests().hit())
                        .sum())
                .isEqualTo(3);
    }

    @Test
    void oldRecordsAreRemoved() throws IOException {
        String old = hit("m", "s");
        reopen();
        clock.advance(Duration.ofHours(49));
        String young = hit("m", "s");
        reopen();
        assertThat(log.find(old)).isEmpty();
        assertThat(log.find(young)).isPresent();
        assertThat(log.stats().log().records()).isEqualTo(1);
    }

    @Test
    void theFileStaysWithinItsBudget() throws IOException {
        reopen(ofSize(16 * MEBIBYTE));
        long longest = 0;
        String last = null;
        for (int i = 0; i < 400_000; i++) {
            last = hit("m", id());
            if (i % 1000 == 0) {
                log.stats();
                try (Stream<Path> files = Files.list(folder)) {
                    longest = Math.max(
                            longest,
                            files.filter(f -> f.getFileName().toString().contains(".activity"))
                                    .mapToLong(f -> f.toFile().length())
                                    .sum());
                }
            }
        }
        Stats.Log size = log.stats().log();
        assertThat(size.dropped()).isZero();
        assertThat(longest).isGreaterThan(12L << 20).isLessThan((16L << 20) * 110 / 100);
        assertThat(size.bytes()).isLessThan((16L << 20) * 110 / 100);
        assertThat(size.records()).isBetween(100_000L, 399_999L);
        assertThat(log.find(last)).isPresent();
        reopen(ofSize(16 * MEBIBYTE));
        assertThat(log.find(last)).isPresent();
    }

    @Test
    void onlyTheOwnerMayReadTheFile() throws IOException {
        hit("m", "s");
        log.stats();
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.filter(f -> f.getFileName().toString().contains(".activity")))
                    .isNotEmpty()
                    .allSatisfy(f -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(f)))
                            .isEqualTo("rw-------"));
        }
    }

    @Test
    void aFileThatIsNoLogIsSetAside() throws IOException {
        log.close();
        Files.writeString(file(), "this is not a database, but something of the owner's".repeat(100));
        log = open();
        String id = hit("m", "s");
        assertThat(log.find(id)).isPresent();
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString())).anyMatch(f -> f.contains(".activity.damaged-"));
        }
    }

    @Test
    void damageCostsRecordsAndNothingElse() throws IOException {
        for (int i = 0; i < 5000; i++) {
            hit("m" + i % 7, id());
        }
        log.close();
        byte[] intact = Files.readAllBytes(file());
        for (int round = 0; round < 25; round++) {
            Files.write(file(), intact);
            try (RandomAccessFile damaged = new RandomAccessFile(file().toFile(), "rw")) {
                for (int i = 0; i < 40; i++) {
                    damaged.seek((round * 7919L + i * 104_729L) % intact.length);
                    damaged.write(round * 31 + i);
                }
            }
            log = open();
            assertThat(log.query(Filter.ALL, 1000, null).data()).hasSizeLessThanOrEqualTo(1000);
            String id = hit("m", "s");
            log.find("nowhere");
            log.close();
            log = open();
            log.find(id);
            log.close();
            try (Stream<Path> files = Files.list(folder)) {
                for (Path aside :
                        files.filter(f -> f.toString().contains(".damaged-")).toList()) {
                    Files.delete(aside);
                }
            }
        }
        log = open();
    }

    @Test
    void ifTheFileIsInUseAnotherOneIsCreated() throws IOException {
        hit("m", "s");
        log.stats();
        for (int restarts = 0; restarts < 2; restarts++) {
            try (ActivityLog second = open()) {
                Account account = second.begin(Endpoint.CHAT);
                account.head(200, "x", null);
                account.served(false);
                assertThat(second.find("x")).isPresent();
                assertThat(second.query(Filter.ALL, 10, null).data()).hasSize(restarts + 1);
            }
        }
        assertThat(log.find("x")).isEmpty();
        assertThat(folder.resolve("answers.refrain.activity-2")).exists();
    }

    @Test
    void aNamedFileInUseMeansNoLog() throws IOException {
        String first = hit("m", "s");
        log.stats();
        try (ActivityLog second = open(named())) {
            Account account = second.begin(Endpoint.CHAT);
            account.head(200, "x", null);
            account.served(false);
            assertThat(second.stats().requests().total()).isEqualTo(1);
            assertThat(second.find("x")).isEmpty();
            assertThat(second.stats().log().dropped()).isEqualTo(1);
            assertThat(second.query(Filter.ALL, 10, null).data()).isEmpty();
            assertThat(second.series(TimeSeries.Range.HOUR).get(59).requests().off())
                    .isEqualTo(1);
        }
        assertThat(log.find(first)).isPresent();
    }

    @Test
    void withoutALogEverythingElseWorks() throws IOException {
        log.close();
        Files.deleteIfExists(file());
        log = open(ofSize(0));
        String id = hit("m", "s");
        assertThat(log.find(id)).isEmpty();
        assertThat(log.stats().requests().hit()).isEqualTo(1);
        assertThat(log.stats().log().bytes()).isZero();
        assertThat(file()).doesNotExist();
    }

    @Test
    void aDirectoryInItsPlaceMeansNoLog() throws IOException {
        log.close();
        Files.deleteIfExists(file());
        Files.createDirectory(file());
        log = open();
        hit("m", "s");
        assertThat(log.stats().requests().hit()).isEqualTo(1);
        assertThat(file()).isDirectory();
    }

    @Test
    void recordsThatTheQueueRefusesAreCounted() {
        log.close();
        hit("m", "s");
        assertThat(log.stats().log().dropped()).isEqualTo(1);
        assertThat(log.stats().requests().hit()).isEqualTo(1);
    }

    @Test
    void listenersHearOfEachRequest() {
        List<Outcome> heard = new ArrayList<>();
        log.listen((endpoint, outcome, nanos) -> {
            synchronized (heard) {
                heard.add(outcome);
            }
        });
        hit("m", "s");
        miss("m");
        log.stats();
        synchronized (heard) {
            assertThat(heard).containsExactly(Outcome.HIT, Outcome.MISS);
        }
    }
}
