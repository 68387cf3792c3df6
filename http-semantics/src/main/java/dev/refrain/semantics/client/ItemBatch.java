package dev.refrain.semantics.client;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.semantics.policy.Policy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One request for many items. Each item is handled like a request of its own: it is a hit, or follows a flight, or
 * leads one. The flights that this batch leads share one call. The batch's thread makes this call before it waits for
 * other batches, so two batches that follow each other's flights cannot deadlock.
 *
 * <p>The lock also guards the fields of the slots. No foreign code runs under it.
 */
final class ItemBatch implements AutoCloseable {
    private final ItemCache items;
    private final CacheControls controls;
    /** The policy that applies to all items; null if none does. */
    private final Policy policy;

    private final List<byte[]> requests;
    private final ItemCache.Fetch fetch;
    private final Map<ByteBuffer, Slot> slots = new LinkedHashMap<>();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<Slot> toFetch = new ArrayList<>();
    private int open;
    /** The exception of another thread's call for one of the items; null if no such call has failed. */
    private Throwable failure;

    private boolean left;

    /** Distinguishes failures of a provider's client from those of the cache itself. */
    private static final class ProviderFailure extends Exception {
        private static final long serialVersionUID = 1;

        ProviderFailure(Throwable thrown) {
            super(thrown.getMessage(), thrown, false, false);
        }
    }

    ItemBatch(ItemCache items, CacheControls controls, Policy policy, List<byte[]> requests, ItemCache.Fetch fetch) {
        this.items = items;
        this.controls = controls;
        this.policy = policy;
        this.requests = requests;
        this.fetch = fetch;
        for (int i = 0; i < requests.size(); i++) {
            int index = i;
            slots.computeIfAbsent(ByteBuffer.wrap(requests.get(i)), request -> new Slot(index));
        }
        this.open = slots.size();
    }

    List<byte[]> get() {
        slots.values().forEach(Slot::begin);
        List<Slot> mine = nextToFetch();
        while (!mine.isEmpty()) {
            fetch(mine);
            mine = nextToFetch();
        }
        List<byte[]> answers = new ArrayList<>(requests.size());
        for (byte[] request : requests) {
            answers.add(slots.get(ByteBuffer.wrap(request)).body);
        }
        return answers;
    }

    /** Waits until there is something to fetch; empty if there is nothing left. */
    private List<Slot> nextToFetch() {
        lock.lock();
        try {
            while (toFetch.isEmpty() && open > 0 && failure == null) {
                changed.await();
            }
            if (toFetch.isEmpty() && failure != null) {
                if (failure instanceof Error error) {
                    throw error;
                }
                throw failure instanceof RuntimeException thrown ? thrown : new IllegalStateException(failure);
            }
            List<Slot> mine = new ArrayList<>(toFetch);
            toFetch.clear();
            mine.sort((one, other) -> Integer.compare(one.index, other.index));
            return mine;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while another thread fetched an item", e);
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("CatchingUnchecked") // whatever is thrown, other threads wait for the items
    private void fetch(List<Slot> mine) {
        List<ItemCache.Item> fetched;
        try {
            fetched = fetch.fetch(mine.stream().map(slot -> slot.index).toList());
            if (fetched.size() != mine.size()) {
                throw new IllegalStateException(fetched.size() + " items were fetched instead of " + mine.size());
            }
        } catch (Throwable e) {
            mine.forEach(slot -> slot.breakOff(new ProviderFailure(e)));
            throw e;
        }
        for (int i = 0; i < mine.size(); i++) {
            mine.get(i).provide(fetched.get(i));
        }
    }

    /**
     * Ends the batch. If other batches wait for items that this one has not fetched, they fetch these items themselves.
     */
    @Override
    public void close() {
        List<Slot> unfinished = new ArrayList<>();
        lock.lock();
        try {
            left = true;
            toFetch.clear();
            slots.values().stream().filter(slot -> !slot.done).forEach(unfinished::add);
        } finally {
            lock.unlock();
        }
        unfinished.forEach(Slot::leave);
    }

    /** One item, which all equal requests share. */
    private final class Slot implements ResponseSink, Upstream {
        /** Index of the first request for this item. */
        private final int index;

        private final RequestRecord record = items.newRecord();
        private byte[] body = new byte[0];
        private int length;
        private boolean done;
        /** Whether this batch fetches the item, or is about to. The outcome of the flight is then ignored. */
        private boolean mine;
        /** Whether the item's outcome is decided. */
        private boolean settled;
        /** Receives for the cache what this batch fetches; null if nothing is cached. */
        private ResponseSink provider;

        private Runnable gone;

        Slot(int index) {
            this.index = index;
        }

        void begin() {
            record.policy(policy == null ? null : policy.name());
            if (!controls.enabled()) {
                record.asked(null, null, null);
                record.head(200, null, null);
                fetchAlone();
                return;
            }
            CacheRequest request = items.request(requests.get(index));
            CacheKey key = items.cache().key(request).orElse(null);
            if (key == null) {
                CacheOutcome tooLong = new CacheOutcome.Bypass(BypassReason.PAYLOAD_TOO_LARGE);
                record.asked(tooLong, null, null);
                record.head(200, null, tooLong);
                fetchAlone();
                return;
            }
            ForwardReason reason = controls.directives().noCache() ? ForwardReason.REQUEST : ForwardReason.MISS;
            record.asked(new CacheOutcome.Miss(controls.ttl().toSeconds(), false, reason), key, request);
            items.cache().pipeline().respond(key, controls, this, this);
        }

        private void fetchAlone() {
            lock.lock();
            try {
                takeOn(null);
            } finally {
                lock.unlock();
            }
        }

        /** Makes this batch fetch the item. Called with the lock held. */
        private void takeOn(ResponseSink sink) {
            provider = sink;
            mine = true;
            toFetch.add(this);
            changed.signalAll();
        }

        // ---- as the provider of a flight

        /** Also called by the thread whose call for this item has failed. */
        @Override
        public Call fetch(ResponseSink sink) {
            ResponseSink first = record.calling(sink, items.cache().admin().memory());
            lock.lock();
            try {
                if (left) {
                    throw new IllegalStateException("the item is not fetched: the request for it has ended");
                }
                takeOn(first);
            } finally {
                lock.unlock();
            }
            return Call.UNSTOPPABLE;
        }

        /** Gives the fetched item to this batch, and to the cache if it takes part. */
        void provide(ItemCache.Item item) {
            settle(item.bytes());
            ResponseSink sink = provider;
            if (sink != null) {
                sink.head(new ResponseHead(
                        200, "application/octet-stream", null, item.bytes().length, null, null, Map.of()));
                sink.cost(cost(item.promptTokens()));
                sink.chunk(ByteBuffer.wrap(item.bytes()));
                sink.end();
            }
            served(false);
        }

        private static AnswerFacts cost(long tokens) {
            return tokens < 0 ? AnswerFacts.NONE : new AnswerFacts(null, tokens, 0, tokens, AnswerFacts.UNKNOWN, null);
        }

        private void settle(byte[] bytes) {
            lock.lock();
            try {
                settled = true;
                body = bytes;
                length = bytes.length;
                finish();
            } finally {
                lock.unlock();
            }
        }

        /** Notes that the item is done. Called with the lock held. */
        private void finish() {
            if (!done) {
                done = true;
                open--;
                changed.signalAll();
            }
        }

        void breakOff(Throwable cause) {
            lock.lock();
            try {
                settled = true;
                finish();
            } finally {
                lock.unlock();
            }
            if (provider != null) {
                provider.fail(cause);
            }
            served(true);
        }

        void leave() {
            breakOff(new IllegalStateException(
                    "the request that was fetching this item has ended; send this one again"));
            if (gone != null) {
                gone.run();
            }
        }

        private void served(boolean broken) {
            record.wrote(broken ? 0 : length);
            record.served(broken);
        }

        // ---- as the reader of an answer

        @Override
        public void head(ResponseHead head) {
            record.head(head.status(), head.generationId(), head.cache());
            lock.lock();
            try {
                if (!settled && head.contentLength() > 0) {
                    body = new byte[(int) head.contentLength()];
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            lock.lock();
            try {
                if (!settled) {
                    int more = bytes.remaining();
                    if (length + more > body.length) {
                        body = Arrays.copyOf(body, Math.addExact(length, more));
                    }
                    bytes.get(body, length, more);
                    length += more;
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void end() {
            lock.lock();
            try {
                if (settled) {
                    return;
                }
                settled = true;
                body = length == body.length ? body : Arrays.copyOf(body, length);
                finish();
            } finally {
                lock.unlock();
            }
            served(false);
        }

        /** If the cache fails, this batch fetches the item itself. If another batch's call failed, this batch fails. */
        @Override
        public void fail(Throwable cause) {
            lock.lock();
            try {
                if (settled || left || mine) {
                    return;
                }
                if (cause instanceof ProviderFailure thrown) {
                    settled = true;
                    failure = thrown.getCause();
                    changed.signalAll();
                } else {
                    length = 0;
                    takeOn(null);
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void whenGone(Runnable action) {
            boolean now;
            lock.lock();
            try {
                gone = action;
                now = left;
            } finally {
                lock.unlock();
            }
            if (now) {
                action.run();
            }
        }

        @Override
        public boolean hasReader() {
            lock.lock();
            try {
                return !left;
            } finally {
                lock.unlock();
            }
        }
    }
}
