package dev.refrain.semantics.items;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** Joins the answers to all items of a request, which have all arrived, into one answer. */
final class JoinedAnswer {
    /** Bytes of a piece, roughly. */
    private static final int PIECE = 64 * 1024;

    /** Fields about the exact bytes of a provider's answer, which do not hold for the joined one. */
    private static final Set<String> OF_THE_BYTES =
            Set.of("etag", "content-md5", "digest", "content-digest", "repr-digest", "content-range");

    private final ItemExchange exchange;
    private final ResponseSink client;
    private final List<ItemSlot> slots;
    private final List<ItemSlot> fetched;
    private final ItemAnswer around;
    private final ResponseHead fetchedHead;

    /**
     * An answer to write.
     *
     * @param fetched the slots that the provider has just answered
     * @param around the answer that gives the joined one its beginning and end
     * @param fetchedHead head of the provider's answer to the fetched slots; null if there are none
     */
    JoinedAnswer(
            ItemExchange exchange,
            List<ItemSlot> slots,
            List<ItemSlot> fetched,
            ItemAnswer around,
            ResponseHead fetchedHead) {
        this.exchange = exchange;
        this.client = exchange.client();
        this.slots = slots;
        this.fetched = fetched;
        this.around = around;
        this.fetchedHead = fetchedHead;
    }

    /** Begins to write the answer to the client. */
    void write() {
        long length = around.aroundLength(slots.size());
        for (ItemSlot slot : slots) {
            length += slot.length();
        }
        client.head(fetchedHead != null ? headOfPart(length) : headOfHit(length));
        new Writer().run();
    }

    /** Writes the answer as fast as the client takes it, and releases each item once it is written. */
    private final class Writer implements Runnable {
        private final ByteArrayOutputStream piece = new ByteArrayOutputStream(PIECE + 1024);
        /**
         * Number of pieces asked for. A client that takes a piece at once asks for the next during the same call, which
         * must not recurse.
         */
        private final AtomicInteger turns = new AtomicInteger();

        private int next;

        Writer() {
            around.writeBefore(piece);
        }

        @Override
        public void run() {
            if (turns.getAndIncrement() == 0) {
                do {
                    write();
                } while (turns.decrementAndGet() > 0);
            }
        }

        private void write() {
            while (next < slots.size() && piece.size() < PIECE) {
                ItemSlot slot = slots.get(next);
                if (next > 0) {
                    around.writeBetween(piece);
                }
                slot.writeTo(piece);
                if (slot.answer() != around) {
                    slot.drop();
                }
                next++;
            }
            boolean isLast = next == slots.size();
            if (isLast) {
                around.writeAfter(piece);
            }
            client.chunk(ByteBuffer.wrap(piece.toByteArray()));
            piece.reset();
            if (isLast) {
                exchange.held().close();
                client.end();
            } else {
                client.whenDrained(this);
            }
        }
    }

    // ---- the head

    private ResponseHead headOfPart(long length) {
        Map<String, List<String>> fields = fetchedHead.fields();
        if (fields.keySet().stream().anyMatch(JoinedAnswer::isOfTheBytes)) {
            fields = new HashMap<>(fields);
            fields.keySet().removeIf(JoinedAnswer::isOfTheBytes);
        }
        boolean stored = fetched.stream().allMatch(ItemSlot::isStored);
        return new ResponseHead(
                200,
                fetchedHead.contentType(),
                null,
                length,
                fetchedHead.generationId(),
                outcome(exchange.miss(stored), savings()),
                fields);
    }

    private static boolean isOfTheBytes(String name) {
        return OF_THE_BYTES.contains(name.toLowerCase(Locale.ROOT));
    }

    private ResponseHead headOfHit(long length) {
        ResponseHead first = slots.get(0).head();
        Savings saved = savings();
        return new ResponseHead(
                200, first.contentType(), null, length, first.generationId(), outcome(hit(saved), saved), Map.of());
    }

    private CacheOutcome.Items outcome(CacheOutcome of, Savings savings) {
        return new CacheOutcome.Items(of, slots.size() - fetched.size(), slots.size(), savings);
    }

    /** The outcome if no item had to be fetched. Age and lifetime are those of the item that expires first. */
    private CacheOutcome hit(Savings saved) {
        CacheOutcome.Hit least = null;
        CacheOutcome.Collapsed joined = null;
        String sourceId = null;
        boolean isOneSource = true;
        for (ItemSlot slot : slots) {
            CacheOutcome outcome = slot.head().cache();
            String source;
            if (outcome instanceof CacheOutcome.Collapsed collapsed) {
                joined = joined == null || collapsed.ttlSeconds() < joined.ttlSeconds() ? collapsed : joined;
                source = collapsed.sourceId();
            } else {
                CacheOutcome.Hit entry = entry(outcome);
                least = least == null || entry.ttlSeconds() < least.ttlSeconds() ? entry : least;
                source = entry.sourceId();
            }
            isOneSource &= slot.item() == 0 || (source != null && source.equals(sourceId));
            sourceId = source;
        }
        String one = isOneSource ? sourceId : null;
        return joined != null
                ? new CacheOutcome.Collapsed(joined.ttlSeconds(), one, joined.reason(), () -> saved)
                : new CacheOutcome.Hit(least.ageSeconds(), least.ttlSeconds(), one, saved);
    }

    private static CacheOutcome.Hit entry(CacheOutcome outcome) {
        return outcome instanceof CacheOutcome.SharedHit shared ? shared.entry() : (CacheOutcome.Hit) outcome;
    }

    /**
     * The original cost of the items that this request did not fetch. One call may have fetched many of them, so its
     * time counts once.
     */
    private Savings savings() {
        long tokens = 0;
        long prompt = 0;
        long nanos = 0;
        long millis = 0;
        for (ItemSlot slot : slots) {
            if (slot.head() != null) {
                CacheOutcome outcome = slot.head().cache();
                Savings one = outcome instanceof CacheOutcome.Collapsed collapsed
                        ? collapsed.savings().get()
                        : entry(outcome).savings();
                tokens += one.tokens();
                prompt += Math.max(0, one.answer().promptTokens());
                boolean isPriced = nanos >= 0 && one.answer().costNanos() >= 0;
                nanos = isPriced ? nanos + one.answer().costNanos() : AnswerFacts.UNKNOWN;
                millis = Math.max(millis, one.fetchMillis());
            }
        }
        return new Savings(new AnswerFacts(null, prompt, 0, tokens, nanos, null), millis);
    }
}
