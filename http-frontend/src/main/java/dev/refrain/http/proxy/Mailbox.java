package dev.refrain.http.proxy;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.xnio.XnioIoThread;

/**
 * Carries messages from any thread to an I/O thread, in order. On that thread itself they are received at once, unless others are
 * still on their way.
 */
final class Mailbox {
    private final XnioIoThread thread;
    private final Consumer<Object> receiver;
    private final Queue<Object> messages = new ConcurrentLinkedQueue<>();
    private final AtomicInteger undelivered = new AtomicInteger();

    /** @param receiver called on the I/O thread only */
    Mailbox(XnioIoThread thread, Consumer<Object> receiver) {
        this.thread = thread;
        this.receiver = receiver;
    }

    /** Whether a message would be received at once. */
    boolean actsNow() {
        return Thread.currentThread() == thread && undelivered.get() == 0;
    }

    void deliver(Object message) {
        if (actsNow()) {
            receiver.accept(message);
            return;
        }
        messages.add(message);
        if (undelivered.getAndIncrement() == 0) {
            thread.execute(this::empty);
        }
    }

    private void empty() {
        int done = 0;
        int due = undelivered.get();
        while (due > 0) {
            for (; done < due; done++) {
                receiver.accept(messages.poll());
            }
            due = undelivered.addAndGet(-done);
            done = 0;
        }
    }
}
