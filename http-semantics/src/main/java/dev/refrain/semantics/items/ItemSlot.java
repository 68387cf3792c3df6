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
 * One item of a request: the reader of its answer and, if it is fetched here, the provider of its flight. Its state
 * changes under the lock of {@link ItemAnswers}, which all items of the request share.
 */
final class ItemSlot implements ResponseSink, Upstream {
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

    private final int item;
    private final CacheKey key;
    private final ItemAnswers answers;
    private final ItemExchange exchange;
    private final ReentrantLock lock;

    // Guarded by the lock.
    private State state = State.OPEN;
    /** The flight that gets the item once it is fetched; null before it is wanted, and after. */
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

    /**
     * An item that is looked for.
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

    /** Asks the cache for it. */
    void lookUp() {
        exchange.cache().pipeline().respond(key, exchange.controls(), this, this);
    }

    /** Its place in the request, from 0. */
    int item() {
        return item;
    }

    /** The head of its answer from the cache; null if it was fetched here. */
    ResponseHead head() {
        return head;
    }

    /** The answer that has it; null before that is here. */
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

    /** Lets go of its answer, which has been written. */
    void drop() {
        answer = null;
        if (bytes != null) {
            exchange.held().shrink(bytes.length);
            bytes = null;
        }
    }

    // ---- for ItemAnswers, under the lock

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

    /** It came from the cache, or did not: then {@code from} is null. */
    void setDone(ItemAnswer from) {
        state = State.DONE;
        answer = from;
    }

    // ---- as the provider of a flight

    @Override
    public Call fetch(ResponseSink flight) {
        if (!answers.want(this, flight)) {
            throw new IllegalStateException("whoever asked for this item has got it in another way");
        }
        answers.goOn();
        return answers::cancelOne;
    }

    /**
     * Gives it to its flight.
     *
     * @param at its place in the answer
     * @param before sum of the weights of the items before it
     * @param sum of all weights
     * @param of head of the answer
     * @return whether it is stored now
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

    /** Ends its flight without an answer, if there is one to be fetched here. */
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

    /** Tells its flight that nobody reads here any more. */
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

    private boolean isLookedFor() {
        lock.lock();
        try {
            return state == State.OPEN;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void head(ResponseHead found) {
        if (isLookedFor()) {
            head = found;
            isRefused = found.status() != 200;
        } else if (found.cache() instanceof CacheOutcome.Miss miss) {
            stored = miss.stored();
        }
    }

    @Override
    public void chunk(ByteBuffer piece) {
        if (!isLookedFor() || isRefused) {
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
        if (isLookedFor()) {
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
