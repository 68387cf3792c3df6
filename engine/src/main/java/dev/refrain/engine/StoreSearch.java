package dev.refrain.engine;

import dev.refrain.engine.internal.request.TopLevelFields;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.EntryPage;
import dev.refrain.engine.stats.EntryQuery;
import dev.refrain.engine.stats.StoredEntry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.LongSupplier;
import java.util.function.ToIntFunction;

/**
 * One walk over a store for a page of its entries. It keeps the page's entries and nothing else, however many the store
 * has, and ends when its time is over. For one search; not thread-safe.
 */
final class StoreSearch {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final HexFormat HEX = HexFormat.of();

    private static final int LOWER_HALF = 32;
    /** The time is checked once for this many entries. */
    private static final int ENTRIES_A_LOOK = 64;

    private static final Comparator<Found> BY_VALUE = Comparator.<Found>comparingLong(found -> found.value)
            .thenComparing(found -> found.key, Arrays::compareUnsigned);

    /** The facts of an entry that are kept while the walk goes on. */
    private static final class Found {
        private final long value;
        private final byte[] key;
        private final byte[] head;
        private final int length;

        Found(long value, byte[] key, byte[] head, int length) {
            this.value = value;
            this.key = key;
            this.head = head;
            this.length = length;
        }
    }

    private final EntryQuery query;
    private final CacheStore store;
    private final LongSupplier ticker;
    private final List<EntryTags> matches;
    private final Comparator<Found> later;
    private final Found behind;
    /** The entries of the page; the head of the queue is the last one of the page. */
    private final PriorityQueue<Found> page;

    private long end;
    private long seen;
    private long matching;
    private long bytes;
    private boolean hasMore;

    /** @throws IllegalArgumentException if the cursor is malformed */
    StoreSearch(EntryQuery query, CacheStore store, LongSupplier ticker) {
        this.query = query;
        this.store = store;
        this.ticker = ticker;
        this.matches = query.matches().stream().map(EntryTags::new).toList();
        this.later = query.ascending() ? BY_VALUE : BY_VALUE.reversed();
        this.behind = query.cursor() == null ? null : parse(query.cursor());
        this.page = new PriorityQueue<>(later.reversed());
    }

    private static Found parse(String cursor) {
        String[] parts = cursor.split("\\.", -1);
        if (parts.length != 2 || parts[1].length() != 2 * CacheStore.KEY_LENGTH) {
            throw new IllegalArgumentException("not a cursor: " + cursor);
        }
        return new Found(Long.parseLong(parts[0], 36), HEX.parseHex(parts[1]), null, 0);
    }

    EntryPage search(Namespaces namespaces, long nowMillis) {
        end = ticker.getAsLong() + query.maxMillis() * 1_000_000;
        boolean complete = store.visit(this::visit);
        Map<Integer, String> models = names(query.models(), EntryTags::modelTag);
        Map<Integer, String> spaces = names(namespaces.names(), Namespaces::tag);
        List<StoredEntry> entries = page.stream()
                .sorted(later)
                .map(found -> entry(found, models, spaces, nowMillis))
                .toList();
        Found last = page.peek();
        String next = hasMore ? Long.toString(last.value, 36) + "." + HEX.formatHex(last.key) : null;
        return new EntryPage(entries, next, matching, bytes, seen, complete);
    }

    private boolean visit(byte[] key, byte[] head, int length) {
        if (++seen % ENTRIES_A_LOOK == 0 && ticker.getAsLong() - end > 0) {
            return false;
        }
        for (EntryTags tags : matches) {
            if (!tags.match(key, head)) {
                return true;
            }
        }
        matching++;
        bytes += length;
        offer(value(key, head, length), key, head, length);
        return true;
    }

    private long value(byte[] key, byte[] head, int length) {
        return switch (query.sort()) {
            case STORED -> EntryHead.storedAt(head);
            case EXPIRES -> EntryHead.expiresAt(head);
            case SIZE -> length;
            case HITS -> store.hits(key);
            case TOKENS -> EntryHead.tokens(head);
        };
    }

    private void offer(long value, byte[] key, byte[] head, int length) {
        boolean isFull = page.size() == query.limit();
        // Most entries of a large store end here, without a copy.
        if (isFull && (query.ascending() ? value > page.peek().value : value < page.peek().value)) {
            hasMore = true;
            return;
        }
        Found found = new Found(value, key.clone(), Arrays.copyOf(head, EntryHead.LENGTH), length);
        if (behind != null && later.compare(found, behind) <= 0) {
            return;
        }
        page.add(found);
        if (isFull) {
            hasMore = true;
            page.remove();
        }
    }

    private StoredEntry entry(Found found, Map<Integer, String> models, Map<Integer, String> spaces, long nowMillis) {
        byte[] head = found.head;
        long label = EntryHead.model(head);
        String model = models.get((int) (label >>> LOWER_HALF));
        boolean isModelsOwn = model != null && TopLevelFields.tag(model) == label;
        return new StoredEntry(
                HEX.formatHex(found.key),
                EntryHead.storedAt(head),
                EntryHead.expiresAt(head),
                Math.max(0, Math.floorDiv(nowMillis - EntryHead.storedAt(head), 1000L)),
                Math.floorDiv(EntryHead.expiresAt(head) - nowMillis, 1000L),
                found.length,
                store.hits(found.key),
                Math.max(0, EntryHead.tokens(head)),
                Math.max(0, (int) INT.get(head, EntryHead.FETCH_MILLIS)),
                CacheKey.hexTag(EntryHead.scope(head)),
                model,
                isModelsOwn ? null : spaces.get((int) label));
    }

    private static Map<Integer, String> names(Collection<String> names, ToIntFunction<String> tag) {
        Map<Integer, String> byTag = new HashMap<>();
        names.forEach(name -> byTag.put(tag.applyAsInt(name), name));
        return byTag;
    }
}
