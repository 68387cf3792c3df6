package dev.refrain.semantics.items;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One item of a request. It reads the item's answer and, if this request fetches the item, it is the provider of the
 * item's flight. Its state changes under the lock of {@link ItemAnswers}, which all items of the request share.
 */
final class ItemSlot implements ResponseSink, Upstream {
    private enum State {
        /** The cache is being asked for the item. */
        OPEN,
        /** This request has to fetch the item. */
        WANTED,
        /** This request is fetching the item. */
        CALLED,
        /** The item has arrived, or will not arrive here. */
        DONE
    }

    private final int item;
    private final CacheKey key;
    private final ItemAnswers answers;
    private final ItemExchange exchange;
    private final ReentrantLock lock;

    // The next three fields are guarded by the lock.
    private State state = State.OPEN;
    /** The flight that waits for this request to fetch the item; null if none does. */
    private ResponseSink waiting;

    private Runnable gone;

    // State of an answer from the cache; used by one thread at a time.
    private ResponseHead head;
    private byte[] bytes;
    private boolean isRefused;

    private ItemAnswer answer;
    /** Index of this item in {@link #answer}. */
    private int place;
    /** Whether the fetched item has been stored. */
    private boolean stored;

    /**
     * An item to ask the cache for.
     *
     * @param item its place in the request, from 0
     */
    ItemSlot(int item, CacheKey key, ItemAnswers answers, ItemExchange exchange, ReentrantLock lock) {
        this.item = item;
        this.key = key;
        this.answers = answers;
        this.exchange = exchange;
        this.lock = lock;
    }

    /** Asks the cache for the item. */
    void lookUp() {
        exchange.cache().pipeline().respond(key, exchange.controls(), this, this);
    }

    /** The item's place in the request, from 0. */
    int item() {
        return item;
    }

    /** The head of the item's answer from the cache; null if this request fetched the item. */
    ResponseHead head() {
        return head;
    }

    /** The answer that contains the item; null before it has arrived. */
    ItemAnswer answer() {
        return answer;
    }

    boolean isStored() {
        return stored;
    }

    /** Length of what {@link #writeTo} writes, in bytes. */
    int length() {
        return answer.itemLength(place, item);
    }

    void writeTo(ByteArrayOutputStream into) {
        answer.writeItem(place, item, into);
    }

    /** Releases the item's answer after it has been written. */
    void drop() {
        answer = null;
        if (bytes != null) {
            exchange.held().shrink(bytes.length);
            bytes = null;
        }
    }

    // ---- called by ItemAnswers, with the lock held

    boolean isOpen() {
        return state == State.OPEN;
    }

    boolean isWanted() {
        return state == State.WANTED;
    }

    void setWanted(ResponseSink flight) {
        state = State.WANTED;
        waiting = flight;
    }

    void setCalled() {
        state = State.CALLED;
    }

    void setDone() {
        state = State.DONE;
    }

    /** The item is decided; {@code from} is the cache's answer, null if it is unusable. */
    void setDone(ItemAnswer from) {
        state = State.DONE;
        answer = from;
    }

    // ---- as the provider of a flight

    @Override
    public Call fetch(ResponseSink flight) {
        if (!answers.want(this, flight)) {
            throw new IllegalStateException(
                    "the item is not fetched: it has its answer already, or its request has ended");
        }
        answers.goOn();
        return answers::cancelOne;
    }

    /**
     * Gives the item to its flight.
     *
     * @param at index of the item in the answer
     * @param before sum of the weights of the items before it
     * @param sum of all weights
     * @param of head of the answer
     * @return whether the item is stored now
     */
    boolean provide(ItemAnswer from, int at, long before, long weight, long sum, ResponseHead of) {
        ResponseSink flight;
        lock.lock();
        try {
            answer = from;
            place = at;
            state = State.DONE;
            flight = waiting;
            waiting = null;
        } finally {
            lock.unlock();
        }
        if (flight != null) {
            byte[] alone = from.alone(at, before, weight, sum);
            flight.head(new ResponseHead(200, of.contentType(), null, alone.length, of.generationId(), null, Map.of()));
            flight.chunk(ByteBuffer.wrap(alone));
            flight.end();
        }
        return stored;
    }

    /** Fails the item's flight, if this request was to fetch the item. */
    void giveUp(Throwable cause) {
        ResponseSink flight;
        lock.lock();
        try {
            flight = waiting;
            waiting = null;
            state = State.DONE;
        } finally {
            lock.unlock();
        }
        if (flight != null) {
            flight.fail(cause);
        }
    }

    // ---- as the reader of an answer

    /** Tells the item's flight that this reader has left. */
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

    private boolean isBeingLookedUp() {
        lock.lock();
        try {
            return state == State.OPEN;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void head(ResponseHead found) {
        if (isBeingLookedUp()) {
            head = found;
            isRefused = found.status() != 200;
        } else if (found.cache() instanceof CacheOutcome.Miss miss) {
            stored = miss.stored();
        }
    }

    @Override
    public void chunk(ByteBuffer piece) {
        if (!isBeingLookedUp() || isRefused) {
            return;
        }
        int more = piece.remaining();
        if (!exchange.held().grow(more)) {
            throw new MemoryBudget.Exhausted();
        }
        int length = bytes == null ? 0 : bytes.length;
        bytes = bytes == null ? new byte[more] : Arrays.copyOf(bytes, length + more);
        piece.get(bytes, length, more);
    }

    @Override
    public void end() {
        if (isBeingLookedUp()) {
            ItemAnswer one = isRefused || bytes == null ? null : ItemAnswer.of(bytes, bytes.length, 1);
            boolean isKnown = one != null
                    && (CacheOutcome.isWhole(head.cache()) || head.cache() instanceof CacheOutcome.Collapsed);
            answers.found(this, one, isKnown);
        }
    }

    @Override
    public void fail(Throwable cause) {
        answers.notFound(this, cause);
    }

    @Override
    public void whenGone(Runnable action) {
        boolean now;
        lock.lock();
        try {
            gone = action;
            now = answers.isLeftOrOver();
        } finally {
            lock.unlock();
        }
        if (now) {
            leave();
        }
    }

    @Override
    public boolean hasReader() {
        return exchange.client().hasReader();
    }
}
