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
 * Gathers the answers to the items of one request. Each item is handled like a request of its own: it is a hit, or
 * follows a flight, or leads one. The flights that this request leads share one call. The call is made before the
 * request waits for flights that it follows, so two requests that follow each other's flights cannot deadlock.
 *
 * <p>If no item is known, the request goes to the provider as it was sent, and the answer to the client as it arrives
 * ({@link AllItemsSink}). If some are known, the others are fetched ({@link SomeItemsSink}), and all are joined to one
 * answer ({@link JoinedAnswer}). If an answer cannot be split or its items do not fit together, the request is sent
 * again as a whole, under its own key. That is possible as long as the client has no byte of an answer.
 *
 * <p>The lock also guards the state of the slots. No foreign code runs under it. Long, since the events of cache,
 * provider and client all meet here.
 */
final class ItemAnswers {
    /**
     * Milliseconds for which the call waits for items that are looked up in the shared tier; longer than that tier's
     * timeout. Afterwards the call is made without the items that are still undecided.
     */
    private static final long GATHER_MILLIS = 250;

    /** Heap of an item while it is fetched, in bytes: its key, and a flight of its own. */
    static final int ITEM_BYTES = 4096;

    private final ItemExchange exchange;
    private final Upstream all;
    private final ItemByItem.Part part;
    private final List<ItemSlot> slots = new ArrayList<>();
    private final boolean isShared;

    private final ReentrantLock lock = new ReentrantLock();
    // All fields below are guarded by the lock.
    private boolean begun;
    /** Number of items for which it is still undecided whether this request fetches them. */
    private int open;

    private boolean gathered;
    /** The items that this request fetches; null until the call is made. */
    private List<ItemSlot> called;

    /** Whether the call's answer is still arriving, or its items have not been given to their flights yet. */
    private boolean calling;

    private Upstream.Call call;
    private int cancelled;
    /** Whether the call is to be cancelled, perhaps before it has been started. */
    private boolean isStopped;
    /** Whether something does not fit, so that the request has to be sent as a whole. */
    private boolean mustSendWhole;

    private Throwable failure;
    /** Whether this object is done: the client is being answered, or nobody waits for an answer. */
    private boolean over;

    private boolean left;
    /** Whether the client left while an item was still undecided. */
    private boolean hasStoppedWaiting;

    private ItemAnswer frame;
    /** Head of the provider's answer to some items; null before it has arrived. */
    private ResponseHead partHead;

    /**
     * Fails the flight of an item that cannot be fetched by itself. Its followers then fetch the item in another way.
     */
    static final class NotSplit extends Exception {
        private static final long serialVersionUID = 1;

        NotSplit() {
            super("the items have to be fetched in another way", null, false, false);
        }
    }

    /**
     * A request whose items are to be gathered.
     *
     * @param keys of the items, in their order
     * @param all calls the provider with the request as it was sent
     * @param part calls the provider for some of the items
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

    @SuppressWarnings("CatchingUnchecked") // whatever is thrown, others wait for the items
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

    /** Takes the next step, if one is due. */
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
            stopWaiting();
        }
        List<ItemSlot> wanted = slots.stream().filter(ItemSlot::isWanted).toList();
        if (hasStoppedWaiting && (calling || (called == null && !wanted.isEmpty()))) {
            // The call is still made: other requests may follow its flights, and its answer is stored.
            return calling ? null : call(wanted);
        } else if (hasStoppedWaiting) {
            over = true;
            return () -> failed(
                    new IllegalStateException("the client left while it waited for the call of another request"));
        } else if (failure != null) {
            over = true;
            return () -> failed(failure);
        } else if (mustSendWhole || (called != null && !wanted.isEmpty())) {
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

    /** Stops waiting for items that other requests fetch: their flights do not report to a client that has left. */
    private void stopWaiting() {
        for (ItemSlot slot : slots) {
            if (slot.isOpen()) {
                slot.setDone();
                open--;
                hasStoppedWaiting = true;
            }
        }
    }

    /** Whether the missing items, if they are as long as the known ones, would be too long an answer to store. */
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

    /** Ends the request with a failure. */
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
        abandon(new NotSplit());
        if (running != null) {
            running.cancel();
        }
        exchange.cache().pipeline().respond(exchange.whole(), exchange.controls(), all, exchange.client());
    }

    /** Ends this request's part in all items. Other requests that wait for an item fetch it themselves. */
    private void abandon(Throwable cause) {
        giveUp(cause);
        slots.forEach(ItemSlot::leave);
        exchange.held().close();
    }

    /** Fails the flights of the items that this request was to fetch. */
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
            // The client may never take the rest of the answer, whose end would free the memory.
            exchange.held().close();
        }
        goOn();
    }

    /** Answers with all items, which have arrived, in one answer. */
    private void join() {
        boolean isFetched = partHead != null;
        // The fetched answer is the newest, and its usage is the one to report.
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
            // The client has left, so the end of the answer, which would free the memory, may never come.
            exchange.held().close();
        }
    }

    // ---- the call to the provider

    private void callForAll() {
        call(all, new AllItemsSink(this, exchange));
    }

    private void callForSome() {
        List<Integer> items = called.stream().map(ItemSlot::item).toList();
        call(part.with(exchange.request().with(items)), new SomeItemsSink(this, exchange, items.size()));
    }

    @SuppressWarnings("CatchingUnchecked") // whatever is thrown, others wait for the items
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

    /** Cancels the call, whose items nobody wants. A cancelled answer may never end, so the memory is freed here. */
    private void stop(Upstream.Call running) {
        running.cancel();
        exchange.held().close();
    }

    /** Notes that an item's flight cancels its call. The shared call is cancelled once all flights have done that. */
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

    // ---- called by the sinks of the provider's answer

    /** The outcome to report to the client for an answer that the provider has just given. */
    CacheOutcome.Items outcome(CacheOutcome of, Savings savings) {
        int known = called == null ? slots.size() : slots.size() - called.size();
        return new CacheOutcome.Items(of, known, slots.size(), savings);
    }

    /** Gives each item of a fetched answer to its flight, and so to the store. Returns whether all are stored. */
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

    /** Notes that the provider's answer does not fit, so that the request is sent as a whole. */
    void requireWhole() {
        lock.lock();
        try {
            mustSendWhole = true;
        } finally {
            lock.unlock();
        }
    }

    /** Claims the client for an answer that is passed on as it is. False if the client is already being answered. */
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
            abandon(new NotSplit());
        }
        return isTaken;
    }

    /** The answer to some items has arrived; {@code answer} is null if it cannot be split. */
    void fetched(ItemAnswer answer, ResponseHead head) {
        boolean fits;
        lock.lock();
        try {
            fits = answer != null && (frame == null || answer.goesWith(frame));
            mustSendWhole |= !fits;
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
        // Last, because no thread may join the items before all of them have their answers.
        callEnded();
        goOn();
    }

    /** The answer to some items has failed; {@code cause} is null if the request is sent as a whole anyway. */
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

    /** Ends the request: the client has the provider's answer to all items, or its failure. */
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

    // ---- called by the items

    /** An item's flight asks this request to fetch the item. False if the item has been decided in another way. */
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
     * @param one the answer to this item alone; null if it cannot be split
     * @param isKnown whether the answer was stored or fetched by another request
     */
    void found(ItemSlot slot, ItemAnswer one, boolean isKnown) {
        lock.lock();
        try {
            if (!slot.isOpen()) {
                return;
            }
            slot.setDone(one);
            open--;
            mustSendWhole |= !isKnown || (frame != null && !one.goesWith(frame));
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
            // The failure of another request's call does not fail this one, nor does a full memory budget: a whole
            // answer is passed on without being held.
            failure = cause instanceof NotCachedException && failure == null ? cause : failure;
            mustSendWhole = true;
        } finally {
            lock.unlock();
        }
        goOn();
    }

    /** Whether this request has stopped reading the items. Called with the lock held. */
    boolean isLeftOrOver() {
        return left || over;
    }
}
