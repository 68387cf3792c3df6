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
 * One request for many items. Each item takes the way of a request of its own: a hit, a follower of a flight, or the
 * leader of one. The flights that this batch leads share one call, which its own thread makes before it waits for
 * anybody else: so two batches that follow each other's flights both get on.
 *
 * <p>The lock guards the fields of the items, too. No code of others runs under it.
 */
final class ItemBatch implements AutoCloseable {
    private final ItemCache items;
    private final CacheControls controls;
    /** The policy that holds for all items; null if none does. */
    private final Policy policy;

    private final List<byte[]> requests;
    private final ItemCache.Fetch fetch;
    private final Map<ByteBuffer, Slot> slots = new LinkedHashMap<>();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<Slot> toFetch = new ArrayList<>();
    private int open;
    /** What another thread's call for one of the items has thrown. */
    private Throwable failure;

    private boolean left;

    /** Tells what a provider's client has thrown from what the cache itself has. */
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

    @SuppressWarnings("CatchingUnchecked") // whatever it is, other threads wait for the items
    private void fetch(List<Slot> mine) {
        List<ItemCache.Item> fetched;
        try {
            fetched = fetch.fetch(mine.stream().map(slot -> slot.index).toList());
            if (fetched.size() != mine.size()) {
                throw new IllegalStateException(fetched.size() + " items were fetched in place of " + mine.size());
            }
        } catch (Throwable e) {
            mine.forEach(slot -> slot.breakOff(new ProviderFailure(e)));
            throw e;
        }
        for (int i = 0; i < mine.size(); i++) {
            mine.get(i).provide(fetched.get(i));
        }
    }

    /** Ends the batch. Items that are not fetched yet and that others wait for become theirs to fetch. */
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

    /** One item, once for all equal requests. */
    private final class Slot implements ResponseSink, Upstream {
        /** The first of the requests that ask for it. */
        private final int index;

        private final RequestRecord record = items.newRecord();
        private byte[] body = new byte[0];
        private int length;
        private boolean done;
        /** This batch fetches it, or is about to: what becomes of the flight does not matter to it any more. */
        private boolean mine;
        /** It is known what becomes of it. */
        private boolean settled;
        /** Where what this batch fetches goes; null if it goes nowhere. */
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

        /** With the lock. */
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
                    throw new IllegalStateException("whoever asked for this item has left");
                }
                takeOn(first);
            } finally {
                lock.unlock();
            }
            return Call.UNSTOPPABLE;
        }

        /** The item goes to this batch in any case, and to all that the cache does with it. */
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

        /** With the lock. */
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
            breakOff(new IllegalStateException("whoever fetched this item has left"));
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

        /** What the cache cannot give, this batch fetches by itself; what a provider refuses is refused. */
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
