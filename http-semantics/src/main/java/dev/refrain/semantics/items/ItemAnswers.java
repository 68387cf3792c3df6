package dev.refrain.semantics.items;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Gathers the answers to the items of one request. Each item takes the way of a request of its own: a hit, a follower
 * of a flight, or the leader of one. The flights that this request leads share one call. It is made before anybody is
 * waited for, so two requests that follow each other's flights both get on.
 *
 * <p>If no item is known, the request goes to the provider as it was sent, and the answer to the client as it comes. If
 * some are, the answer is put together. In doubt, and before the client has had a byte, the request goes as a whole,
 * under its own key.
 *
 * <p>The lock guards the state of the items. No code of others runs under it. Long, since all ends of an item meet
 * here.
 */
final class ItemAnswers {
    /**
     * How long an item may wait for what other machines say of it before the others are called for without it, in
     * milliseconds; it is longer than a shared tier is waited for.
     */
    private static final long GATHER_MILLIS = 250;

    /** Bytes that are passed on at once. */
    private static final int PIECE = 64 * 1024;

    /** With these the provider blames the request, whose items it may name by their places: it has to see all of it. */
    private static final Set<Integer> ABOUT_THE_REQUEST = Set.of(400, 413, 422);

    /** Fields that speak of the bytes of the answer, which are others once it is put together. */
    private static final Set<String> OF_THE_BYTES =
            Set.of("etag", "content-md5", "digest", "content-digest", "repr-digest", "content-range");

    /** What an item takes of the heap while it is fetched: its key, and a flight of its own. */
    static final int ITEM_BYTES = 4096;

    private final ResponseCache cache;
    private final CacheControls controls;
    private final CacheKey whole;
    private final ItemRequest request;
    private final Upstream all;
    private final ItemByItem.Part part;
    private final ResponseSink client;
    private final List<Slot> slots = new ArrayList<>();
    private final MemoryBudget.Reservation held;
    private final boolean isShared;

    private final ReentrantLock lock = new ReentrantLock();
    // Guarded by the lock.
    private boolean begun;
    /** Items of which it is not known yet whether they have to be fetched here. */
    private int open;

    private boolean gathered;
    /** The items that are fetched; null before that. */
    private List<Slot> called;

    private boolean calling;
    private Upstream.Call call;
    private int cancelled;
    /** Nobody wants the call, which may still be on its way out. */
    private boolean isStopped;
    /** Something does not fit: the request has to go as a whole. */
    private boolean doubtful;

    private Throwable failure;
    /** The client has been given over to somebody else. */
    private boolean over;

    private boolean left;
    /** The client has left before all items were there or called for. */
    private boolean isForsaken;

    private ItemAnswer frame;
    /** What the provider's answer to some items began with. */
    private ResponseHead partHead;

    /** What is thrown to those who wait for an item that cannot be had in this way. */
    private static final class Doubt extends Exception {
        private static final long serialVersionUID = 1;

        Doubt() {
            super("the items have to be fetched in another way", null, false, false);
        }
    }

    ItemAnswers(
            ResponseCache cache,
            CacheControls controls,
            CacheKey whole,
            ItemRequest request,
            List<CacheKey> keys,
            Upstream all,
            ItemByItem.Part part,
            ResponseSink client,
            MemoryBudget.Reservation held) {
        this.cache = cache;
        this.controls = controls;
        this.whole = whole;
        this.request = request;
        this.all = all;
        this.part = part;
        this.client = client;
        this.held = held;
        this.isShared = cache.admin().shared().isPresent();
        for (int i = 0; i < keys.size(); i++) {
            slots.add(new Slot(i, keys.get(i)));
        }
        this.open = slots.size();
    }

    @SuppressWarnings("CatchingUnchecked") // whatever it is, others wait for the items
    void begin() {
        client.whenGone(this::leave);
        try {
            for (Slot slot : slots) {
                cache.pipeline().respond(slot.key, controls, slot, slot);
            }
        } catch (Throwable e) {
            lock.lock();
            try {
                over = true;
            } finally {
                lock.unlock();
            }
            abandon(e);
            throw e;
        }
        lock.lock();
        try {
            begun = true;
        } finally {
            lock.unlock();
        }
        if (isShared) {
            CompletableFuture.delayedExecutor(GATHER_MILLIS, TimeUnit.MILLISECONDS)
                    .execute(() -> {
                        gathered();
                        goOn();
                    });
        }
        goOn();
    }

    private void gathered() {
        lock.lock();
        try {
            gathered = true;
        } finally {
            lock.unlock();
        }
    }

    /** Does what is to be done next, if anything is. */
    private void goOn() {
        Runnable next = null;
        lock.lock();
        try {
            if (begun && !over) {
                next = next();
            }
        } finally {
            lock.unlock();
        }
        if (next != null) {
            next.run();
        }
    }

    private Runnable next() {
        if (left) {
            forsake();
        }
        List<Slot> wanted =
                slots.stream().filter(slot -> slot.state == State.WANTED).toList();
        if (isForsaken && (calling || (called == null && !wanted.isEmpty()))) {
            // Others may follow the call, and its answer is stored.
            return calling ? null : call(wanted);
        } else if (isForsaken) {
            over = true;
            return () -> failed(new IllegalStateException("the client left while another's answer was waited for"));
        } else if (failure != null) {
            over = true;
            return () -> failed(failure);
        } else if (doubtful || (called != null && !wanted.isEmpty())) {
            over = true;
            return this::asAWhole;
        } else if (called == null && !wanted.isEmpty() && (open == 0 || !isShared || gathered)) {
            if (isTooLong(wanted.size())) {
                over = true;
                return this::asAWhole;
            }
            return call(wanted);
        } else if (open == 0 && wanted.isEmpty() && !calling) {
            over = true;
            return this::putTogether;
        }
        return null;
    }

    /** Nobody waits any more for what others fetch. They do not say how that ends to a client that has left. */
    private void forsake() {
        for (Slot slot : slots) {
            if (slot.state == State.OPEN) {
                slot.state = State.DONE;
                open--;
                isForsaken = true;
            }
        }
    }

    /** Whether an answer to so many items would be longer than what is stored, if they are as long as those known. */
    private boolean isTooLong(int missing) {
        long bytes = 0;
        int known = 0;
        for (Slot slot : slots) {
            if (slot.answer != null) {
                bytes += slot.answer.itemLength(slot.place, slot.item);
                known++;
            }
        }
        return known > 0 && bytes / known * missing > cache.admin().maxAnswerBytes();
    }

    private Runnable call(List<Slot> wanted) {
        called = wanted;
        calling = true;
        wanted.forEach(slot -> slot.state = State.CALLED);
        return wanted.size() == slots.size() ? this::callForAll : this::callForSome;
    }

    /** Nothing can be had from the cache, and nothing may be fetched or held. */
    private void failed(Throwable cause) {
        abandon(cause);
        client.fail(cause);
    }

    /** The request as if its items were not known. */
    private void asAWhole() {
        Upstream.Call running;
        lock.lock();
        try {
            running = calling ? call : null;
            isStopped = calling;
        } finally {
            lock.unlock();
        }
        abandon(new Doubt());
        if (running != null) {
            running.cancel();
        }
        cache.pipeline().respond(whole, controls, all, client);
    }

    /** Leaves the items to others who wait for them. */
    private void abandon(Throwable cause) {
        giveUp(cause);
        slots.forEach(Slot::leave);
        held.close();
    }

    /** The items that were to be fetched here are not. */
    private void giveUp(Throwable cause) {
        for (Slot slot : slots) {
            slot.giveUp(cause);
        }
    }

    private void leave() {
        boolean isTaken;
        lock.lock();
        try {
            left = true;
            isTaken = over;
        } finally {
            lock.unlock();
        }
        slots.forEach(Slot::leave);
        if (isTaken) {
            // It may take no more of an answer that is being written.
            held.close();
        }
        goOn();
    }

    // ---- calling

    private void callForAll() {
        call(all, new AllSink());
    }

    private void callForSome() {
        call(part.with(request.with(called.stream().map(slot -> slot.item).toList())), new SomeSink());
    }

    @SuppressWarnings("CatchingUnchecked") // whatever it is, others wait for the items
    private void call(Upstream upstream, ResponseSink sink) {
        try {
            Upstream.Call running = cache.pipeline().inTime(upstream).fetch(sink);
            boolean tooLate;
            lock.lock();
            try {
                call = running;
                tooLate = cancelled == called.size() || isStopped;
            } finally {
                lock.unlock();
            }
            if (tooLate) {
                stop(running);
            }
        } catch (Throwable e) {
            sink.fail(e);
        }
    }

    /** Nobody wants the items any more. The provider's answer may never end now. */
    private void stop(Upstream.Call running) {
        running.cancel();
        held.close();
    }

    /** An item's flight wants its call to end. It does if all want that. */
    private void cancelOne() {
        Upstream.Call running;
        lock.lock();
        try {
            cancelled++;
            running = called != null && cancelled == called.size() && calling ? call : null;
        } finally {
            lock.unlock();
        }
        if (running != null) {
            stop(running);
        }
    }

    private CacheOutcome.Items outcome(CacheOutcome of, Savings savings) {
        int known = called == null ? slots.size() : slots.size() - called.size();
        return new CacheOutcome.Items(of, known, slots.size(), savings);
    }

    private CacheOutcome.Miss miss(boolean stored) {
        ForwardReason reason = controls.directives().noCache() ? ForwardReason.REQUEST : ForwardReason.MISS;
        return new CacheOutcome.Miss(controls.ttl().toSeconds(), stored, reason);
    }

    /** Gives each item of a fetched answer to those who wait for it, and to the store. */
    private boolean hand(ItemAnswer answer, ResponseHead head) {
        long sum = 0;
        for (Slot slot : called) {
            sum += request.weight(slot.item);
        }
        long before = 0;
        boolean stored = true;
        for (int i = 0; i < called.size(); i++) {
            Slot slot = called.get(i);
            int weight = request.weight(slot.item);
            stored &= slot.provide(answer, i, before, weight, sum, head);
            before += weight;
        }
        return stored;
    }

    /** Collects an answer, as far as it is one that can be taken apart. */
    private abstract class CollectingSink implements ResponseSink {
        ResponseHead head;
        /**
         * Grows with what comes, since a length may be announced and nothing come. Null if there is nothing to take
         * apart.
         */
        private byte[] collected;

        private int size;

        /** Whether the head is that of an answer with embeddings. */
        final boolean begin(ResponseHead answer) {
            head = answer;
            String type =
                    answer.contentType() == null ? "" : answer.contentType().toLowerCase(Locale.ROOT);
            boolean isPlain =
                    answer.contentEncoding() == null || answer.contentEncoding().equalsIgnoreCase("identity");
            boolean fits = answer.status() == 200
                    && isPlain
                    && !type.startsWith("text/event-stream")
                    && answer.contentLength() <= cache.admin().maxAnswerBytes();
            collected = fits ? new byte[0] : null;
            return fits;
        }

        /** Returns whether all is collected so far. */
        final boolean collect(ByteBuffer bytes) {
            if (collected == null) {
                return false;
            }
            int more = bytes.remaining();
            if (!makeRoom(more)) {
                collected = null;
                return false;
            }
            bytes.duplicate().get(collected, size, more);
            size += more;
            return true;
        }

        private boolean makeRoom(int more) {
            int length = collected.length;
            long needed = (long) size + more;
            if (needed <= length) {
                return true;
            }
            int most = cache.admin().maxAnswerBytes();
            long expected = head.contentLength() >= 0 ? head.contentLength() : most;
            long longer = Math.max(needed, Math.min(2L * length, expected));
            // Twice: it is copied as it grows, and for the store.
            if (needed > most || !held.grow(2 * (longer - length))) {
                return false;
            }
            collected = Arrays.copyOf(collected, (int) longer);
            return true;
        }

        final boolean isWhole() {
            return collected != null && size == head.contentLength();
        }

        /** What has been collected; null if not all is. */
        final byte[] take() {
            byte[] all = collected;
            collected = null;
            return all == null || all.length == size ? all : Arrays.copyOf(all, size);
        }

        @Override
        public void whenDrained(Runnable action) {
            if (cache.admin().memory().isTight() || collected == null) {
                client.whenDrained(action);
            } else {
                action.run();
            }
        }

        @Override
        public boolean hasReader() {
            return client.hasReader();
        }
    }

    /** The answer to all items: it goes to the client as it comes. */
    private final class AllSink extends CollectingSink {
        private boolean headWaits;
        private boolean settled;
        private boolean stored;

        @Override
        public void head(ResponseHead answer) {
            boolean fits = begin(answer);
            // As where an answer is captured whole: a head with a length goes out with the first piece.
            headWaits = fits && answer.contentLength() > 0;
            if (!fits) {
                settled = true;
                giveUp(new Doubt());
            }
            if (!headWaits) {
                client.head(answer.withCache(outcome(ofHead(answer), Savings.NONE)));
            }
        }

        private CacheOutcome ofHead(ResponseHead answer) {
            if (answer.status() == 200 && answer.contentEncoding() != null) {
                return new CacheOutcome.Bypass(BypassReason.ANSWER_ENCODED);
            }
            boolean tooLong = answer.status() == 200
                    && answer.contentLength() > cache.admin().maxAnswerBytes();
            return tooLong ? new CacheOutcome.Bypass(BypassReason.ANSWER_TOO_LARGE) : miss(false);
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            if (!settled) {
                if (!collect(bytes)) {
                    settled = true;
                    giveUp(new Doubt());
                } else if (isWhole()) {
                    settle();
                }
            }
            releaseHead();
            client.chunk(bytes);
        }

        private void releaseHead() {
            if (headWaits) {
                headWaits = false;
                client.head(head.withCache(outcome(miss(stored), Savings.NONE)));
            }
        }

        /** Before the client has the last of it, so that its next request finds what it has got. */
        private void settle() {
            settled = true;
            byte[] bytes = take();
            ItemAnswer answer = bytes == null ? null : ItemAnswer.of(bytes, bytes.length, slots.size());
            if (answer != null && answer.isWellFormed()) {
                stored = hand(answer, head);
                if (stored) {
                    // An older one is no longer true, if the request has asked for a new one.
                    cache.remove(whole);
                }
            } else {
                if (bytes != null && !controls.directives().noStore()) {
                    storeWhole(bytes);
                }
                giveUp(new Doubt());
            }
        }

        /** Those who wait for items of it ask again, for all that they want, and may find it. */
        private void storeWhole(byte[] bytes) {
            ResponseSink capture = cache.pipeline().capture(whole, controls.ttl(), new Nobody());
            capture.head(head);
            capture.chunk(ByteBuffer.wrap(bytes));
            capture.end();
        }

        @Override
        public void end() {
            if (!settled) {
                settle();
            }
            releaseHead();
            close();
            client.end();
        }

        @Override
        public void fail(Throwable cause) {
            giveUp(cause);
            close();
            // Without the head, if that waits: the client gets an error, and no answer that is cut short.
            client.fail(cause);
        }

        private void close() {
            lock.lock();
            try {
                over = true;
                calling = false;
            } finally {
                lock.unlock();
            }
            held.close();
        }
    }

    /** Takes what the store's answer would go to. */
    private static final class Nobody implements ResponseSink {
        @Override
        public void head(ResponseHead head) {}

        @Override
        public void chunk(ByteBuffer bytes) {}

        @Override
        public void end() {}

        @Override
        public void fail(Throwable cause) {}
    }

    /** The answer to some items, for the client to be put together with the others. */
    private final class SomeSink extends CollectingSink {
        /** The provider has refused, and the client gets that. */
        private boolean passes;
        /** The request goes as a whole, and this answer nowhere. */
        private boolean ignored;

        @Override
        public void head(ResponseHead answer) {
            if (begin(answer)) {
                return;
            }
            if (answer.status() == 200 || ABOUT_THE_REQUEST.contains(answer.status())) {
                doubt();
                if (answer.contentLength() > cache.admin().maxAnswerBytes()) {
                    goOn();
                }
                return;
            }
            lock.lock();
            try {
                passes = !over;
                over = true;
            } finally {
                lock.unlock();
            }
            if (passes) {
                abandon(new Doubt());
                client.head(answer.withCache(outcome(miss(false), Savings.NONE)));
            }
        }

        private void doubt() {
            ignored = true;
            lock.lock();
            try {
                doubtful = true;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            if (passes) {
                client.chunk(bytes);
            } else if (!ignored && !collect(bytes)) {
                doubt();
                // Not at its end: it is too long, and paid for.
                goOn();
            }
        }

        @Override
        public void whenDrained(Runnable action) {
            if (ignored) {
                // The client may be another call's by now.
                action.run();
            } else {
                super.whenDrained(action);
            }
        }

        @Override
        public void end() {
            over();
            if (passes) {
                client.end();
                return;
            }
            byte[] bytes = ignored ? null : take();
            ItemAnswer answer = bytes == null ? null : ItemAnswer.of(bytes, bytes.length, called.size());
            boolean fits = answer != null && answer.isWellFormed();
            lock.lock();
            try {
                fits &= frame == null || answer.goesWith(frame);
                doubtful |= !fits;
                if (fits) {
                    partHead = head;
                    frame = answer;
                }
            } finally {
                lock.unlock();
            }
            if (fits) {
                hand(answer, head);
            }
            goOn();
        }

        private void over() {
            lock.lock();
            try {
                calling = false;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void fail(Throwable cause) {
            over();
            if (passes) {
                client.fail(cause);
                return;
            }
            lock.lock();
            try {
                if (!ignored && failure == null) {
                    failure = cause;
                }
            } finally {
                lock.unlock();
            }
            goOn();
        }
    }

    // ---- putting together

    private void putTogether() {
        boolean fetched = partHead != null;
        // What was fetched has a usage of its own, and is the newest.
        ItemAnswer around = fetched ? frame : slots.get(0).answer;
        long length = around.aroundLength(slots.size());
        for (Slot slot : slots) {
            length += slot.answer.itemLength(slot.place, slot.item);
        }
        client.head(fetched ? headOfPart(length) : headOfHit(length));
        new Writer(around).run();
        boolean hasLeft;
        lock.lock();
        try {
            hasLeft = left;
        } finally {
            lock.unlock();
        }
        if (hasLeft) {
            // It may have gone before there was anything to write, and take nothing.
            held.close();
        }
    }

    /** Writes the answer as the client takes it, and lets go of what is written. */
    private final class Writer implements Runnable {
        private final ItemAnswer around;
        private final ByteArrayOutputStream piece = new ByteArrayOutputStream(PIECE + 1024);
        /** Pieces to write: a client that takes one at once asks for the next while the first is passed. */
        private final AtomicInteger turns = new AtomicInteger();

        private int next;

        Writer(ItemAnswer around) {
            this.around = around;
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
                Slot slot = slots.get(next);
                if (next > 0) {
                    around.writeBetween(piece);
                }
                slot.answer.writeItem(slot.place, slot.item, piece);
                if (slot.answer != around) {
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
                held.close();
                client.end();
            } else {
                client.whenDrained(this);
            }
        }
    }

    private ResponseHead headOfPart(long length) {
        Map<String, List<String>> fields = partHead.fields();
        if (fields.keySet().stream().anyMatch(ItemAnswers::isOfTheBytes)) {
            fields = new HashMap<>(fields);
            fields.keySet().removeIf(ItemAnswers::isOfTheBytes);
        }
        boolean stored = called.stream().allMatch(slot -> slot.stored);
        return new ResponseHead(
                200,
                partHead.contentType(),
                null,
                length,
                partHead.generationId(),
                outcome(miss(stored), savings()),
                fields);
    }

    private static boolean isOfTheBytes(String name) {
        return OF_THE_BYTES.contains(name.toLowerCase(Locale.ROOT));
    }

    private ResponseHead headOfHit(long length) {
        ResponseHead first = slots.get(0).head;
        Savings saved = savings();
        return new ResponseHead(
                200, first.contentType(), null, length, first.generationId(), outcome(hit(saved), saved), Map.of());
    }

    /** Age and lifetime are those of the item that ends first. */
    private CacheOutcome hit(Savings saved) {
        CacheOutcome.Hit least = null;
        CacheOutcome.Collapsed joined = null;
        String sourceId = null;
        boolean isOneSource = true;
        for (Slot slot : slots) {
            CacheOutcome outcome = slot.head.cache();
            String source;
            if (outcome instanceof CacheOutcome.Collapsed collapsed) {
                joined = joined == null || collapsed.ttlSeconds() < joined.ttlSeconds() ? collapsed : joined;
                source = collapsed.sourceId();
            } else {
                CacheOutcome.Hit entry = entry(outcome);
                least = least == null || entry.ttlSeconds() < least.ttlSeconds() ? entry : least;
                source = entry.sourceId();
            }
            isOneSource &= slot.item == 0 || (source != null && source.equals(sourceId));
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

    /** What the items that were not fetched here had cost. One call had fetched many of them: its time counts once. */
    private Savings savings() {
        long tokens = 0;
        long prompt = 0;
        long nanos = 0;
        long millis = 0;
        for (Slot slot : slots) {
            if (slot.head != null) {
                CacheOutcome outcome = slot.head.cache();
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

    // ---- one item

    private enum State {
        /** It is being looked for. */
        OPEN,
        /** It has to be fetched here. */
        WANTED,
        /** It is being fetched here. */
        CALLED,
        /** It is here, or will not come in this way. */
        DONE
    }

    /** One item: the reader of its answer and, if it is fetched here, the provider of its flight. */
    private final class Slot implements ResponseSink, Upstream {
        private final int item;
        private final CacheKey key;

        // Guarded by the lock.
        private State state = State.OPEN;
        /** Where it goes when it has been fetched; null before it is wanted, and once that has been told. */
        private ResponseSink waiting;

        private Runnable gone;

        // Of an answer from the cache; one thread at a time.
        private ResponseHead head;
        private byte[] bytes;
        private boolean isRefused;

        private ItemAnswer answer;
        /** Which of the answer's items it is. */
        private int place;
        /** Whether what was fetched is stored. */
        private boolean stored;

        Slot(int item, CacheKey key) {
            this.item = item;
            this.key = key;
        }

        // ---- as the provider of a flight

        @Override
        public Call fetch(ResponseSink sink) {
            boolean isTaken;
            lock.lock();
            try {
                isTaken = !over && state == State.OPEN;
                if (isTaken) {
                    state = State.WANTED;
                    open--;
                    waiting = sink;
                }
            } finally {
                lock.unlock();
            }
            if (!isTaken) {
                throw new IllegalStateException("whoever asked for this item has got it in another way");
            }
            goOn();
            return ItemAnswers.this::cancelOne;
        }

        /** Returns whether it is stored now. */
        boolean provide(ItemAnswer from, int at, long before, long weight, long sum, ResponseHead of) {
            ResponseSink sink;
            lock.lock();
            try {
                answer = from;
                place = at;
                state = State.DONE;
                sink = waiting;
                waiting = null;
            } finally {
                lock.unlock();
            }
            if (sink != null) {
                byte[] alone = from.alone(at, before, weight, sum);
                sink.head(
                        new ResponseHead(200, of.contentType(), null, alone.length, of.generationId(), null, Map.of()));
                sink.chunk(ByteBuffer.wrap(alone));
                sink.end();
            }
            return stored;
        }

        void giveUp(Throwable cause) {
            ResponseSink sink;
            lock.lock();
            try {
                sink = waiting;
                waiting = null;
                state = State.DONE;
            } finally {
                lock.unlock();
            }
            if (sink != null) {
                sink.fail(cause);
            }
        }

        /** Its answer has been written. */
        void drop() {
            answer = null;
            if (bytes != null) {
                held.shrink(bytes.length);
                bytes = null;
            }
        }

        void leave() {
            Runnable action;
            lock.lock();
            try {
                action = gone;
                gone = null;
            } finally {
                lock.unlock();
            }
            if (action != null) {
                action.run();
            }
        }

        // ---- as the reader of an answer

        private boolean isOpen() {
            lock.lock();
            try {
                return state == State.OPEN;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void head(ResponseHead answer) {
            if (isOpen()) {
                head = answer;
                isRefused = answer.status() != 200;
            } else if (answer.cache() instanceof CacheOutcome.Miss miss) {
                stored = miss.stored();
            }
        }

        @Override
        public void chunk(ByteBuffer piece) {
            if (!isOpen() || isRefused) {
                return;
            }
            int more = piece.remaining();
            if (!held.grow(more)) {
                throw new MemoryBudget.Exhausted();
            }
            int length = bytes == null ? 0 : bytes.length;
            bytes = bytes == null ? new byte[more] : Arrays.copyOf(bytes, length + more);
            piece.get(bytes, length, more);
        }

        @Override
        public void end() {
            if (!isOpen()) {
                return;
            }
            ItemAnswer one = isRefused || bytes == null ? null : ItemAnswer.of(bytes, bytes.length, 1);
            boolean isKnown = one != null
                    && (CacheOutcome.isWhole(head.cache()) || head.cache() instanceof CacheOutcome.Collapsed);
            lock.lock();
            try {
                if (state != State.OPEN) {
                    return;
                }
                state = State.DONE;
                open--;
                answer = one;
                doubtful |= !isKnown || (frame != null && !one.goesWith(frame));
                frame = frame == null ? one : frame;
            } finally {
                lock.unlock();
            }
            goOn();
        }

        @Override
        public void fail(Throwable cause) {
            lock.lock();
            try {
                if (state != State.OPEN) {
                    return;
                }
                open--;
                state = State.DONE;
                // What another's call has failed with is not this request's. What cannot be held can be passed on.
                failure = cause instanceof NotCachedException && failure == null ? cause : failure;
                doubtful = true;
            } finally {
                lock.unlock();
            }
            goOn();
        }

        @Override
        public void whenGone(Runnable action) {
            boolean now;
            lock.lock();
            try {
                gone = action;
                now = left || over;
            } finally {
                lock.unlock();
            }
            if (now) {
                leave();
            }
        }

        @Override
        public boolean hasReader() {
            return client.hasReader();
        }
    }
}
