package dev.refrain.http.server;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Carries messages from any thread to an I/O thread, in order. A message from that thread itself is received at once,
 * unless earlier ones are still on their way.
 */
class Mailbox {
    private final Executor thread;
    private final Consumer<Object> receiver;
    private final Queue<Object> messages;
    /**
     * Messages announced to the I/O thread since it was last idle; those of {@link #deliverWithNext} are not announced.
     */
    private final AtomicInteger announced = new AtomicInteger();

    /**
     * @param thread an {@link org.xnio.XnioIoThread}, which runs tasks in order, and never during {@code execute}
     * @param receiver called on that thread only
     */
    Mailbox(Executor thread, Consumer<Object> receiver) {
        this(thread, receiver, new ConcurrentLinkedQueue<>());
    }

    /** For tests: their queue lets another thread act at a point where it would otherwise have only nanoseconds. */
    Mailbox(Executor thread, Consumer<Object> receiver, Queue<Object> messages) {
        this.thread = thread;
        this.receiver = receiver;
        this.messages = messages;
    }

    /** Whether a message would be received at once. */
    boolean actsNow() {
        return isOnThread() && announced.get() == 0 && messages.isEmpty();
    }

    /** Whether this is called on the I/O thread. Tests override it. */
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

    /**
     * Delivers a message that is never received at once. For messages that may come while another thread has
     * {@linkplain #claim claimed} the mailbox.
     */
    void post(Object message) {
        messages.add(message);
        if (announced.getAndIncrement() == 0) {
            thread.execute(this::empty);
        }
    }

    /** Delivers a message that is useless without the next one, so it does not wake the I/O thread. */
    void deliverWithNext(Object message) {
        if (actsNow()) {
            receiver.accept(message);
        } else {
            messages.add(message);
        }
    }

    /**
     * Lets the caller, on any other thread, act in place of the I/O thread until {@link #giveBack}, if no message is on
     * its way. Messages delivered meanwhile are received afterwards. Until then, the I/O thread may only {@link #post}.
     * Returns whether the caller may act.
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
