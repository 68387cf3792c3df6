package dev.refrain.http.server;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.xnio.XnioIoThread;

/**
 * Carries messages from any thread to an I/O thread, in order. On that thread itself they are received at once, unless
 * others are still on their way.
 */
final class Mailbox {
    private final XnioIoThread thread;
    private final Consumer<Object> receiver;
    private final Queue<Object> messages = new ConcurrentLinkedQueue<>();
    /** Messages since the I/O thread was last idle, without those that wait for another one. */
    private final AtomicInteger announced = new AtomicInteger();

    /** @param receiver called on the I/O thread only */
    Mailbox(XnioIoThread thread, Consumer<Object> receiver) {
        this.thread = thread;
        this.receiver = receiver;
    }

    /** Whether a message would be received at once. */
    boolean actsNow() {
        return Thread.currentThread() == thread && announced.get() == 0 && messages.isEmpty();
    }

    void deliver(Object message) {
        if (actsNow()) {
            receiver.accept(message);
            return;
        }
        messages.add(message);
        if (announced.getAndIncrement() == 0) {
            thread.execute(this::empty);
        }
    }

    /** For a message that is of no use without the next one: does not wake the I/O thread. */
    void deliverWithNext(Object message) {
        if (actsNow()) {
            receiver.accept(message);
        } else {
            messages.add(message);
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
