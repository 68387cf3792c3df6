package dev.refrain.http.server;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Carries messages from any thread to an I/O thread, in order. On that thread itself they are received at once, unless
 * others are still on their way.
 */
class Mailbox {
    private final Executor thread;
    private final Consumer<Object> receiver;
    private final Queue<Object> messages;
    /** Messages since the I/O thread was last idle, without those that wait for another one. */
    private final AtomicInteger announced = new AtomicInteger();

    /**
     * @param thread an {@link org.xnio.XnioIoThread}, which runs what it is given in order, and not at once
     * @param receiver called on that thread only
     */
    Mailbox(Executor thread, Consumer<Object> receiver) {
        this(thread, receiver, new ConcurrentLinkedQueue<>());
    }

    /** For tests, whose queue lets another thread in where only a few nanoseconds would be left for it. */
    Mailbox(Executor thread, Consumer<Object> receiver, Queue<Object> messages) {
        this.thread = thread;
        this.receiver = receiver;
        this.messages = messages;
    }

    /** Whether a message would be received at once. */
    boolean actsNow() {
        return isOnThread() && announced.get() == 0 && messages.isEmpty();
    }

    /** Whether this is called on the I/O thread. Not private, as tests have threads of their own. */
    boolean isOnThread() {
        return (Object) Thread.currentThread() == thread;
    }

    void deliver(Object message) {
        if (actsNow()) {
            receiver.accept(message);
            return;
        }
        post(message);
    }

    /** Never received at once: for what may come while another thread has {@linkplain #claim claimed} the place. */
    void post(Object message) {
        messages.add(message);
        if (announced.getAndIncrement() == 0) {
            thread.execute(this::empty);
        }
    }

    /** For a message that is useless without the next one: does not wake the I/O thread. */
    void deliverWithNext(Object message) {
        if (actsNow()) {
            receiver.accept(message);
        } else {
            messages.add(message);
        }
    }

    /**
     * Has the caller, on any other thread, act in the I/O thread's place until {@link #giveBack}, if nothing is on its
     * way: what is delivered meanwhile is received afterwards. Until then the I/O thread may only {@link #post}.
     */
    boolean claim() {
        if (!messages.isEmpty() || isOnThread() || !announced.compareAndSet(0, 1)) {
            return false;
        }
        if (messages.isEmpty()) {
            return true;
        }
        giveBack();
        return false;
    }

    void giveBack() {
        if (announced.decrementAndGet() > 0) {
            thread.execute(this::empty);
        }
    }

    private void empty() {
        int seen = announced.get();
        while (seen > 0) {
            for (Object message = messages.poll(); message != null; message = messages.poll()) {
                receiver.accept(message);
            }
            seen = announced.addAndGet(-seen);
        }
    }
}
