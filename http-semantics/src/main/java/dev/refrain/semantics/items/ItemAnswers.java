package dev.refrain.semantics.items;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.exchange.Upstream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Gathers the answers to the items of one request. Each item takes the way of a request of its own: a hit, a follower
 * of a flight, or the leader of one. The flights that this request leads share one call. It is made before anybody is
 * waited for, so two requests that follow each other's flights both get on.
 *
 * <p>If no item is known, the request goes to the provider as it was sent, and the answer to the client as it comes
 * ({@link AllItemsSink}). If some are, the others are called for ({@link SomeItemsSink}), and the answer is put
 * together ({@link JoinedAnswer}). In doubt, and before the client has had a byte, the request goes as a whole, under
 * its own key.
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

    /** What an item takes of the heap while it is fetched: its key, and a flight of its own. */
    static final int ITEM_BYTES = 4096;

    private final ItemExchange exchange;
    private final Upstream all;
    private final ItemByItem.Part part;
    private final List<ItemSlot> slots = new ArrayList<>();
    private final boolean isShared;

    private final ReentrantLock lock = new ReentrantLock();
    // Guarded by the lock.
    private boolean begun;
    /** Items of which it is not known yet whether they have to be fetched here. */
    private int open;

    private boolean gathered;
    /** The items that are fetched; null before that. */
    private List<ItemSlot> called;

    /** The call's answer is not over yet, or its items have not been given to all who wait for them. */
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
    static final class Doubt extends Exception {
        private static final long serialVersionUID = 1;

        Doubt() {
            super("the items have to be fetched in another way", null, false, false);
        }
    }

    /**
     * A request whose items are to be gathered.
     *
     * @param keys of its items, in their order
     * @param all calls the provider with the request as it was sent
     * @param part calls it for some of the items
     */
    ItemAnswers(ItemExchange exchange, List<CacheKey> keys, Upstream all, ItemByItem.Part part) {
        this.exchange = exchange;
        this.all = all;
        this.part = part;
        this.isShared = exchange.cache().admin().shared().isPresent();
        for (int i = 0; i < keys.size(); i++) {
            slots.add(new ItemSlot(i, keys.get(i), this, exchange, lock));
        }
        this.open = slots.size();
    }

    @SuppressWarnings("CatchingUnchecked") // whatever it is, others wait for the items
    void begin() {
        exchange.client().whenGone(this::leave);
        try {
            slots.forEach(ItemSlot::lookUp);
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
    void goOn() {
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
        List<ItemSlot> wanted = slots.stream().filter(ItemSlot::isWanted).toList();
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
            return this::join;
        }
        return null;
    }

    /** Nobody waits any more for what others fetch. They do not say how that ends to a client that has left. */
    private void forsake() {
        for (ItemSlot slot : slots) {
            if (slot.isOpen()) {
                slot.setDone();
                open--;
                isForsaken = true;
            }
        }
    }

    /** Whether an answer to so many items would be longer than what is stored, if they are as long as those known. */
    private boolean isTooLong(int missing) {
        long bytes = 0;
        int known = 0;
        for (ItemSlot slot : slots) {
            if (slot.answer() != null) {
                bytes += slot.length();
                known++;
            }
        }
        return known > 0 && bytes / known * missing > exchange.maxAnswerBytes();
    }

    private Runnable call(List<ItemSlot> wanted) {
        called = wanted;
        calling = true;
        wanted.forEach(ItemSlot::setCalled);
        return wanted.size() == slots.size() ? this::callForAll : this::callForSome;
    }

    /** Nothing can be had from the cache, and nothing may be fetched or held. */
    private void failed(Throwable cause) {
        abandon(cause);
        exchange.client().fail(cause);
    }

    /** Goes on with the request as a whole, as if none of its items were known. */
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
        exchange.cache().pipeline().respond(exchange.whole(), exchange.controls(), all, exchange.client());
    }

    /** Leaves the items to others who wait for them. */
    private void abandon(Throwable cause) {
        giveUp(cause);
        slots.forEach(ItemSlot::leave);
        exchange.held().close();
    }

    /** The items that were to be fetched here are not. */
    void giveUp(Throwable cause) {
        for (ItemSlot slot : slots) {
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
        slots.forEach(ItemSlot::leave);
        if (isTaken) {
            // It may take no more of an answer that is being written.
            exchange.held().close();
        }
        goOn();
    }

    /** The items, all of which are here, in one answer. */
    private void join() {
        boolean isFetched = partHead != null;
        // What was fetched has a usage of its own, and is the newest.
        ItemAnswer around = isFetched ? frame : slots.get(0).answer();
        new JoinedAnswer(exchange, slots, called == null ? List.of() : called, around, partHead).write();
        boolean hasLeft;
        lock.lock();
        try {
            hasLeft = left;
        } finally {
            lock.unlock();
        }
        if (hasLeft) {
            // It may have gone before there was anything to write, and take nothing.
            exchange.held().close();
        }
    }

    // ---- calling

    private void callForAll() {
        call(all, new AllItemsSink(this, exchange));
    }

    private void callForSome() {
        List<Integer> items = called.stream().map(ItemSlot::item).toList();
        call(part.with(exchange.request().with(items)), new SomeItemsSink(this, exchange, items.size()));
    }

    @SuppressWarnings("CatchingUnchecked") // whatever it is, others wait for the items
    private void call(Upstream upstream, ResponseSink sink) {
        try {
            Upstream.Call running = exchange.cache().pipeline().inTime(upstream).fetch(sink);
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
        exchange.held().close();
    }

    /** An item's flight wants its call to end. It does if all want that. */
    void cancelOne() {
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

    // ---- what the sinks of the provider's answer say

    /** What the client is told of an answer that the provider has just given. */
    CacheOutcome.Items outcome(CacheOutcome of, Savings savings) {
        int known = called == null ? slots.size() : slots.size() - called.size();
        return new CacheOutcome.Items(of, known, slots.size(), savings);
    }

    /**
     * Gives each item of a fetched answer to those who wait for it, and to the store; returns whether all are stored.
     */
    boolean hand(ItemAnswer answer, ResponseHead head) {
        ItemRequest request = exchange.request();
        long sum = 0;
        for (ItemSlot slot : called) {
            sum += request.weight(slot.item());
        }
        long before = 0;
        boolean stored = true;
        for (int i = 0; i < called.size(); i++) {
            ItemSlot slot = called.get(i);
            int weight = request.weight(slot.item());
            stored &= slot.provide(answer, i, before, weight, sum, head);
            before += weight;
        }
        return stored;
    }

    /** The provider's answer does not fit: the request has to go as a whole. */
    void doubt() {
        lock.lock();
        try {
            doubtful = true;
        } finally {
            lock.unlock();
        }
    }

    /** Takes the client for an answer that is not put together; false if it has been given to somebody before. */
    boolean takeClient() {
        boolean isTaken;
        lock.lock();
        try {
            isTaken = !over;
            over = true;
        } finally {
            lock.unlock();
        }
        if (isTaken) {
            abandon(new Doubt());
        }
        return isTaken;
    }

    /** The answer to some items has come; null if it cannot be taken apart. */
    void fetched(ItemAnswer answer, ResponseHead head) {
        boolean fits;
        lock.lock();
        try {
            fits = answer != null && (frame == null || answer.goesWith(frame));
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
        // Last: whoever looks before all items have their answers must not join them.
        callEnded();
        goOn();
    }

    /** The answer to some items has failed; {@code cause} is null if the request goes as a whole anyway. */
    void notFetched(Throwable cause) {
        lock.lock();
        try {
            calling = false;
            failure = failure == null ? cause : failure;
        } finally {
            lock.unlock();
        }
        goOn();
    }

    void callEnded() {
        lock.lock();
        try {
            calling = false;
        } finally {
            lock.unlock();
        }
    }

    /** The client has got the provider's answer to all items, or that it failed. */
    void finish() {
        lock.lock();
        try {
            over = true;
            calling = false;
        } finally {
            lock.unlock();
        }
        exchange.held().close();
    }

    // ---- what the items say

    /** The flight of an item asks for it here; false if that has been decided in another way. */
    boolean want(ItemSlot slot, ResponseSink flight) {
        lock.lock();
        try {
            boolean isTaken = !over && slot.isOpen();
            if (isTaken) {
                slot.setWanted(flight);
                open--;
            }
            return isTaken;
        } finally {
            lock.unlock();
        }
    }

    /**
     * The cache has answered for an item.
     *
     * @param one the answer to it alone; null if it cannot be taken apart
     * @param isKnown whether it is one that was stored, or another request's
     */
    void found(ItemSlot slot, ItemAnswer one, boolean isKnown) {
        lock.lock();
        try {
            if (!slot.isOpen()) {
                return;
            }
            slot.setDone(one);
            open--;
            doubtful |= !isKnown || (frame != null && !one.goesWith(frame));
            frame = frame == null ? one : frame;
        } finally {
            lock.unlock();
        }
        goOn();
    }

    void notFound(ItemSlot slot, Throwable cause) {
        lock.lock();
        try {
            if (!slot.isOpen()) {
                return;
            }
            slot.setDone();
            open--;
            // What another's call has failed with is not this request's. What cannot be held can be passed on.
            failure = cause instanceof NotCachedException && failure == null ? cause : failure;
            doubtful = true;
        } finally {
            lock.unlock();
        }
        goOn();
    }

    /** Whether nobody reads the items any more. Called under the lock. */
    boolean isLeftOrOver() {
        return left || over;
    }
}
