package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.testing.MovableClock;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Figures by group, and requests in other orders than the log's, as the dashboard asks for them. */
class SummaryTest {
    private static final Caller ALICE = new Caller(null, "alice", "efcdab8967452301");
    private static final Caller NAMELESS = new Caller(null, "001122334455", "0011223344556677");

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private ActivityLog log;

    @BeforeEach
    void begin() {
        log = ActivityLog.open(
                new ActivityOptions(
                        folder.resolve("activity"),
                        true,
                        64 << 20,
                        Duration.ofDays(2),
                        "EUR",
                        List.of(new ModelPrice("priced", new BigDecimal("1000"), new BigDecimal("2000")))),
                clock);
    }

    @AfterEach
    void close() {
        log.close();
    }

    private static AnswerFacts facts(int prompt, int completion) {
        return new AnswerFacts(null, prompt, completion, prompt + completion, AnswerFacts.UNKNOWN, "stop");
    }

    private void request(Endpoint endpoint, Caller caller, String model, int status, int bytes, CacheOutcome outcome) {
        Account account = log.begin(endpoint);
        account.caller(caller);
        account.request(model, null, false);
        if (outcome instanceof CacheOutcome.Miss) {
            account.callStarted().ended(status < 400 ? facts(10, 20) : AnswerFacts.NONE);
        }
        account.head(status, GenerationId.mint(clock.millis() / 1000), outcome);
        account.wrote(bytes);
        account.served(false);
    }

    private static CacheOutcome hit() {
        return new CacheOutcome.Hit(1, 299, "s", new Savings(facts(10, 20), 2000));
    }

    private static CacheOutcome miss() {
        return new CacheOutcome.Miss(300, true);
    }

    private void someTraffic() {
        request(Endpoint.CHAT, ALICE, "priced", 200, 100, miss());
        request(Endpoint.CHAT, ALICE, "priced", 200, 100, hit());
        request(Endpoint.CHAT, NAMELESS, "priced", 200, 700, hit());
        request(Endpoint.MESSAGES, NAMELESS, "other", 200, 300, miss());
        request(Endpoint.MESSAGES, ALICE, "other", 502, 50, miss());
    }

    private Summary summary(Filter filter, Summary.By by) {
        return log.summary(filter, by, Summary.Sort.REQUESTS, 0, 50);
    }

    @Test
    void requestsAreAddedUpByWhatTheyHaveInCommon() {
        someTraffic();
        Summary byModel = summary(Filter.ALL, Summary.By.MODEL);
        assertThat(byModel.groups())
                .extracting(
                        Summary.Group::name,
                        g -> g.requests().total(),
                        g -> g.requests().hit(),
                        g -> g.requests().errors())
                .containsExactly(tuple("priced", 3L, 2L, 0L), tuple("other", 2L, 0L, 1L));
        Summary.Group priced = byModel.groups().get(0);
        assertThat(priced.tokensUsed()).isEqualTo(30);
        assertThat(priced.tokensSaved()).isEqualTo(60);
        assertThat(priced.spent()).isEqualByComparingTo("0.05");
        assertThat(priced.saved()).isEqualByComparingTo("0.1");
        assertThat(priced.unpricedTokens()).isZero();
        assertThat(priced.bytes()).isEqualTo(900);
        assertThat(byModel.groups().get(1).unpricedTokens()).isEqualTo(30);
        assertThat(byModel.total().requests().total()).isEqualTo(5);
        assertThat(byModel.reach().complete()).isTrue();
        assertThat(byModel.reach().records()).isEqualTo(5);

        assertThat(summary(Filter.ALL, Summary.By.LABEL).groups())
                .extracting(Summary.Group::name, g -> g.requests().total())
                .containsExactly(tuple("alice", 3L), tuple("001122334455", 2L));
        assertThat(summary(Filter.ALL, Summary.By.ENDPOINT).groups())
                .extracting(Summary.Group::name)
                .containsExactly("chat", "messages");
        assertThat(summary(Filter.ALL, Summary.By.POLICY).groups())
                .extracting(Summary.Group::name)
                .containsExactly((String) null);
        assertThat(summary(new Filter(true, null, null, null, 0), Summary.By.MODEL)
                        .groups())
                .extracting(Summary.Group::name, g -> g.requests().total())
                .containsExactly(tuple("priced", 2L));
    }

    @Test
    void figuresOutliveARestartAndHaveATime() {
        someTraffic();
        assertThat(log.stats().moneySpent()).isEqualByComparingTo("0.05");
        long split = clock.millis() + 30_000;
        clock.advance(Duration.ofMinutes(1));
        log.close();
        begin();
        request(Endpoint.CHAT, ALICE, "priced", 200, 100, miss());
        assertThat(summary(Filter.ALL, Summary.By.MODEL).total().requests().total())
                .isEqualTo(6);
        assertThat(summary(new Filter(null, null, null, null, split), Summary.By.MODEL)
                        .total()
                        .requests()
                        .total())
                .isEqualTo(1);
        assertThat(summary(until(split), Summary.By.MODEL).total().requests().total())
                .isEqualTo(5);
        List<TimeSeries.Point> points = log.series(TimeSeries.Range.HOUR);
        assertThat(points.get(58).moneySpent()).isEqualByComparingTo("0.05");
        assertThat(points.get(58).moneySaved()).isEqualByComparingTo("0.1");
        assertThat(points.get(59).moneySpent()).isEqualByComparingTo("0.05");
    }

    private static Filter until(long millis) {
        return new Filter(null, Set.of(), null, null, null, null, null, null, null, 0, 999, 0, millis);
    }

    @Test
    void groupsAreSortedPagedAndBounded() {
        for (int i = 0; i < Summary.MOST_GROUPS + 5; i++) {
            request(Endpoint.CHAT, ALICE, "m" + i, 200, 1, miss());
        }
        request(Endpoint.CHAT, ALICE, "m7", 500, 1, miss());
        Summary first = log.summary(Filter.ALL, Summary.By.MODEL, Summary.Sort.ERRORS, 0, 2);
        assertThat(first.groups())
                .extracting(Summary.Group::name)
                .startsWith("m7")
                .hasSize(2);
        assertThat(first.count()).isEqualTo(Summary.MOST_GROUPS);
        assertThat(first.more()).isTrue();
        assertThat(first.others().requests().total()).isEqualTo(5);
        assertThat(first.total().requests().total()).isEqualTo(Summary.MOST_GROUPS + 6);
        Summary last = log.summary(Filter.ALL, Summary.By.MODEL, Summary.Sort.ERRORS, Summary.MOST_GROUPS - 1, 2);
        assertThat(last.groups()).hasSize(1);
        assertThat(last.more()).isFalse();
    }

    @Test
    void requestsAreFiltered() {
        someTraffic();
        assertThat(found(new Filter(
                        null,
                        Set.of(Outcome.HIT),
                        null,
                        null,
                        null,
                        null,
                        null,
                        null,
                        null,
                        0,
                        999,
                        0,
                        Long.MAX_VALUE)))
                .hasSize(2);
        assertThat(found(new Filter(
                        null, Set.of(), null, null, null, null, null, null, true, 0, 999, 0, Long.MAX_VALUE)))
                .extracting(Activity::status)
                .containsExactly(502);
        assertThat(found(new Filter(
                        null, Set.of(), null, null, null, null, null, null, null, 500, 599, 0, Long.MAX_VALUE)))
                .hasSize(1);
        assertThat(found(new Filter(
                        null, Set.of(), null, null, null, "none", null, null, null, 0, 999, 0, Long.MAX_VALUE)))
                .isEmpty();
        assertThat(found(new Filter(
                        null, Set.of(), null, null, null, null, "none", null, null, 0, 999, 0, Long.MAX_VALUE)))
                .isEmpty();
    }

    private List<Activity> found(Filter filter) {
        return log.query(filter, 100, null).data();
    }

    @Test
    void requestsAreSortedPageByPage() {
        for (int i = 0; i < 2100; i++) {
            request(Endpoint.CHAT, ALICE, "m", 200, i * 7919 % 1000, miss());
        }
        for (boolean ascending : new boolean[] {false, true}) {
            List<Long> sizes = new ArrayList<>();
            List<Long> places = new ArrayList<>();
            String cursor = null;
            do {
                ActivityLog.Page page = log.query(Filter.ALL, Order.BYTES, ascending, 400, cursor);
                assertThat(page.complete()).isTrue();
                page.data().forEach(activity -> {
                    sizes.add(activity.bytes());
                    places.add(activity.sequence());
                });
                cursor = page.next();
            } while (cursor != null);
            assertThat(places).hasSize(2100).doesNotHaveDuplicates();
            assertThat(sizes).isSortedAccordingTo(ascending ? Comparator.naturalOrder() : Comparator.reverseOrder());
        }
        assertThatThrownBy(() -> log.query(Filter.ALL, Order.BYTES, false, 1, "x"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aLongLogIsReadUntilTheTimeLimit() {
        for (int i = 0; i < 3000; i++) {
            request(Endpoint.CHAT, ALICE, "m", 200, 1, miss());
        }
        assertThat(log.stats().log().records()).isEqualTo(3000);
        AtomicLong time = new AtomicLong();
        List<Activity> seen = new ArrayList<>();
        LogWalk walk = new LogWalk(
                (before, since) -> {
                    time.addAndGet(10);
                    return log.find(Math.min(before, 3001) - 1).stream().toList();
                },
                time::get,
                95);
        Reach reach = walk.walk(Filter.ALL, seen::add);
        assertThat(reach.complete()).isFalse();
        assertThat(reach.records()).isEqualTo(10);
        assertThat(seen).extracting(Activity::sequence).startsWith(3000L).endsWith(2991L);
    }

    @Test
    void aNewLabelIsShownForTheCallersEarlierRequestsToo() {
        request(Endpoint.CHAT, NAMELESS, "m", 200, 1, miss());
        request(Endpoint.CHAT, new Caller(null, "bob", NAMELESS.tag()), "m", 200, 1, miss());
        assertThat(found(Filter.ALL)).extracting(Activity::scope).containsExactly("bob", "bob");
        assertThat(summary(Filter.ALL, Summary.By.LABEL).groups())
                .extracting(Summary.Group::name)
                .containsExactly("bob");
        assertThat(log.names().labels()).containsEntry(NAMELESS.tag(), "bob");
        assertThat(log.names().models()).containsExactly("m");
    }
}
