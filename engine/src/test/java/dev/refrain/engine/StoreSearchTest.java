package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.internal.request.TopLevelFields;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.stats.EntryPage;
import dev.refrain.engine.stats.EntryQuery;
import dev.refrain.engine.stats.EntryQuery.Match;
import dev.refrain.engine.stats.EntryQuery.Sort;
import dev.refrain.engine.stats.StoredEntry;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Paging, sorting and filtering of stored entries. */
class StoreSearchTest {
    private static final long NOW = 1_800_000_000_000L;
    private static final int ENTRIES = 1000;

    private final CacheStore store = withHits(new HeapStore(8 << 20));
    private final Namespaces namespaces = new Namespaces(null);
    private final AtomicLong time = new AtomicLong();

    StoreSearchTest() {
        namespaces.note("evals");
        Random random = new Random(1);
        for (int i = 0; i < ENTRIES; i++) {
            byte[] key = new byte[32];
            random.nextBytes(key);
            key[0] = (byte) i;
            EntryBuffer entry = new EntryBuffer(EntryHead.LENGTH);
            ByteBuffer head = ByteBuffer.wrap(entry.resize(100 + i % 37)).order(ByteOrder.LITTLE_ENDIAN);
            head.putLong(EntryHead.STORED_AT, NOW - i * 7919L % 50_000);
            head.putLong(EntryHead.EXPIRES_AT, NOW + (i - 10) * 1000L);
            head.putInt(EntryHead.TOKENS, i % 11);
            head.putInt(EntryHead.FETCH_MILLIS, 1234);
            head.putLong(EntryHead.SCOPE, i % 4 == 0 ? Long.reverseBytes(0x0c9b5f6f34f1abcdL) : 5);
            head.putLong(
                    EntryHead.MODEL,
                    EntryHead.label(
                            TopLevelFields.tag(i % 2 == 0 ? "acme/large" : "acme/small"),
                            i % 10 == 0 ? Namespaces.tag("evals") : 0));
            store.put(key, entry);
        }
    }

    /** The heap store counts no hits, so these numbers are made up: 0 to 7, and many entries have the same number. */
    private static CacheStore withHits(HeapStore store) {
        return (CacheStore) Proxy.newProxyInstance(
                CacheStore.class.getClassLoader(),
                new Class<?>[] {CacheStore.class},
                (proxy, method, arguments) -> method.getName().equals("hits")
                        ? (Object) (((byte[]) arguments[0])[5] & 7)
                        : method.invoke(store, arguments));
    }

    private EntryPage search(List<Match> matches, Sort sort, boolean ascending, int limit, String cursor) {
        return new StoreSearch(
                        new EntryQuery(matches, sort, ascending, limit, cursor, 1000, Set.of("acme/large", "another")),
                        store,
                        time::get)
                .search(namespaces, NOW);
    }

    @Test
    void everyEntryIsOnOnePage() {
        for (Sort sort : Sort.values()) {
            for (boolean ascending : new boolean[] {true, false}) {
                List<StoredEntry> all = new ArrayList<>();
                String cursor = null;
                do {
                    EntryPage page = search(List.of(), sort, ascending, 170, cursor);
                    assertThat(page.matching()).isEqualTo(ENTRIES);
                    assertThat(page.complete()).isTrue();
                    all.addAll(page.entries());
                    cursor = page.next();
                } while (cursor != null);
                assertThat(all).extracting(StoredEntry::key).hasSize(ENTRIES).doesNotHaveDuplicates();
                Comparator<Long> order = ascending ? Comparator.naturalOrder() : Comparator.reverseOrder();
                assertThat(all).extracting(value(sort)).as(sort.name()).isSortedAccordingTo(order);
                assertThat(all.stream().map(value(sort)).distinct())
                        .as(sort.name())
                        .hasSizeGreaterThan(7);
            }
        }
    }

    private static Function<StoredEntry, Long> value(Sort sort) {
        return switch (sort) {
            case STORED -> StoredEntry::storedAtMillis;
            case EXPIRES -> StoredEntry::expiresAtMillis;
            case SIZE -> entry -> (long) entry.bytes();
            case HITS -> entry -> (long) entry.hits();
            case TOKENS -> StoredEntry::tokensSaved;
        };
    }

    @Test
    void anEntryIsShownWithItsKnownNames() {
        StoredEntry oldest =
                search(List.of(), Sort.EXPIRES, true, 1, null).entries().get(0);
        assertThat(oldest.ttlSeconds()).isEqualTo(-10);
        assertThat(oldest.ageSeconds()).isZero();
        assertThat(oldest.fetchMillis()).isEqualTo(1234);
        assertThat(oldest.scope()).isEqualTo("0c9b5f6f34f1");
        assertThat(oldest.model()).isEqualTo("acme/large");
        assertThat(oldest.namespace()).isEqualTo("evals");
        StoredEntry next =
                search(List.of(), Sort.EXPIRES, true, 3, null).entries().get(1);
        assertThat(next.model()).as("a name that nobody knows").isNull();
        assertThat(next.namespace()).isNull();
        StoredEntry third =
                search(List.of(), Sort.EXPIRES, true, 3, null).entries().get(2);
        assertThat(third.model()).isEqualTo("acme/large");
        assertThat(third.namespace()).isNull();
    }

    @Test
    void entriesAreFilteredByTheirHeads() {
        Match small = new Match(null, Set.of(), Set.of("acme/small"), Set.of());
        Match scope = new Match(null, Set.of("0c9b5f6f34f1"), Set.of(), Set.of());
        Match evals = new Match(null, Set.of(), Set.of(), Set.of("evals"));
        assertThat(count(small)).isEqualTo(500);
        assertThat(count(scope)).isEqualTo(250);
        assertThat(count(evals)).isEqualTo(100);
        assertThat(count(scope, evals)).isEqualTo(50);
        assertThat(count(new Match("2a", Set.of(), Set.of(), Set.of()))).isEqualTo(4);
        assertThat(count(new Match("2", Set.of(), Set.of(), Set.of()))).isBetween(60L, 70L);
        assertThat(count(new Match("2a", Set.of("0c9b5f6f34f1"), Set.of("acme/small"), Set.of())))
                .isEqualTo(754);
        assertThat(count(new Match(null, Set.of(), Set.of("nobody"), Set.of()))).isZero();
    }

    private long count(Match... matches) {
        return search(List.of(matches), Sort.STORED, false, 1, null).matching();
    }

    @Test
    void aSearchEndsWhenItsTimeIsOver() {
        EntryPage page = new StoreSearch(EntryQuery.count(List.of(), 1000), store, () -> time.getAndAdd(400_000_000))
                .search(namespaces, NOW);
        assertThat(page.complete()).isFalse();
        assertThat(page.seen()).isBetween(1L, ENTRIES - 1L);
        assertThat(page.matching()).isLessThan(ENTRIES);
    }

    @Test
    void anInvalidCursorIsRefused() {
        for (String cursor : List.of("", "x", "1.2", "1." + "g".repeat(64), "!." + "0".repeat(64))) {
            assertThatThrownBy(() -> search(List.of(), Sort.STORED, false, 1, cursor))
                    .as(cursor)
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> new EntryQuery(List.of(), Sort.SIZE, false, 201, null, 1, Set.of()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Match("xyz", Set.of(), Set.of(), Set.of()))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
