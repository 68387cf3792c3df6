package dev.refrain.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xnio.OptionMap;
import org.xnio.Options;
import org.xnio.Xnio;
import org.xnio.XnioIoThread;
import org.xnio.XnioWorker;

/** Messages of several threads reach the I/O thread, each once, and those of one thread in order. */
class MailboxTest {
    /** Message {@code number} of a thread. */
    private record Message(int sender, int number) {}

    private XnioWorker worker;
    private XnioIoThread thread;

    @BeforeEach
    void start() throws Exception {
        worker = Xnio.getInstance()
                .createWorker(OptionMap.create(Options.WORKER_IO_THREADS, 1, Options.THREAD_DAEMON, true));
        thread = worker.getIoThread();
    }

    @AfterEach
    void stop() {
        worker.shutdownNow();
    }

    @Test
    void nothingIsLostOrOvertaken() throws Exception {
        int senders = 3;
        int each = 60_000;
        int[] next = new int[senders + 1];
        AtomicInteger wrong = new AtomicInteger();
        CountDownLatch left = new CountDownLatch((senders + 1) * each);
        Mailbox mailbox = new Mailbox(thread, message -> {
            Message got = (Message) message;
            if (Thread.currentThread() != thread || got.number() != next[got.sender()]++) {
                wrong.incrementAndGet();
            }
            left.countDown();
        });
        List<Thread> threads = new ArrayList<>();
        for (int sender = 0; sender < senders; sender++) {
            int own = sender;
            threads.add(new Thread(() -> send(mailbox, own, 0, each)));
        }
        threads.forEach(Thread::start);
        // Meanwhile the I/O thread sends messages to itself, which also arrive in order.
        for (int from = 0; from < each; from += 100) {
            int begin = from;
            thread.execute(() -> send(mailbox, senders, begin, begin + 100));
        }
        assertThat(left.await(60, TimeUnit.SECONDS)).as("%s are missing", left).isTrue();
        for (Thread sender : threads) {
            sender.join();
        }
        assertThat(wrong).hasValue(0);
    }

    /** A thread that claims the mailbox acts alone, in its turn: the counter is not atomic. */
    @Test
    void aThreadThatClaimsTheMailboxActsAlone() throws Exception {
        int each = 200_000;
        int[] next = new int[3];
        long[] counted = new long[2];
        CountDownLatch left = new CountDownLatch(3 * each);
        Consumer<Object> receiver = message -> {
            Message got = (Message) message;
            counted[0]++;
            if (got.number() != next[got.sender()]++) {
                counted[1]++;
            }
            left.countDown();
        };
        Mailbox mailbox = new Mailbox(thread, receiver);
        Thread claiming = new Thread(() -> {
            for (int i = 0; i < each; i++) {
                Message message = new Message(0, i);
                if (mailbox.claim()) {
                    receiver.accept(message);
                    mailbox.giveBack();
                } else {
                    mailbox.deliver(message);
                }
            }
        });
        Thread other = new Thread(() -> send(mailbox, 1, 0, each));
        claiming.start();
        other.start();
        for (int from = 0; from < each; from += 100) {
            int begin = from;
            thread.execute(() -> {
                for (int i = begin; i < begin + 100; i++) {
                    mailbox.post(new Message(2, i));
                }
            });
        }
        assertThat(left.await(60, TimeUnit.SECONDS)).as("%s are missing", left).isTrue();
        claiming.join();
        other.join();
        drain();
        assertThat(counted).containsExactly(3L * each, 0);
        assertThat(mailbox.claim())
                .as("no message is waiting, so the mailbox can be claimed")
                .isTrue();
        mailbox.giveBack();
        CompletableFuture<Boolean> claimed = new CompletableFuture<>();
        thread.execute(() -> claimed.complete(mailbox.claim()));
        assertThat(claimed.join()).as("the I/O thread needs no claim").isFalse();
    }

    /** Sends messages. One in four wakes nobody, and is received together with the next one. */
    private static void send(Mailbox mailbox, int sender, int from, int to) {
        for (int i = from; i < to; i++) {
            if (i % 4 == 2) {
                mailbox.deliverWithNext(new Message(sender, i));
            } else {
                mailbox.deliver(new Message(sender, i));
            }
        }
    }

    /**
     * A message that the I/O thread sends while it handles another message comes after that other message. The thread
     * may not have been woken yet, may have no reason to wake, or may be handling the first message.
     */
    @Test
    void aMessageSentByAHandlerComesAfterTheHandledOne() throws Exception {
        List<String> received = new CopyOnWriteArrayList<>();
        AtomicReference<Mailbox> own = new AtomicReference<>();
        Mailbox mailbox = new Mailbox(thread, message -> {
            if (message.equals("third")) {
                own.get().deliver("of third");
            }
            received.add("" + message);
        });
        own.set(mailbox);
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch sent = new CountDownLatch(1);
        thread.execute(() -> {
            busy.countDown();
            awaitQuietly(sent);
            mailbox.deliver("of first");
        });
        busy.await();
        mailbox.deliver("first");
        sent.countDown();
        drain();
        // This message does not wake the thread; the message that it causes does.
        mailbox.deliverWithNext("second");
        thread.execute(() -> mailbox.deliver("of second"));
        drain();
        mailbox.deliver("third");
        drain();
        assertThat(received).containsExactly("first", "of first", "second", "of second", "third", "of third");
    }

    /** Waits until the I/O thread has run its tasks so far, and the tasks that these added. */
    private void drain() {
        CountDownLatch done = new CountDownLatch(1);
        thread.execute(() -> thread.execute(done::countDown));
        awaitQuietly(done);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            if (!latch.await(60, TimeUnit.SECONDS)) {
                throw new AssertionError("an I/O thread did not come round in a minute");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Single messages with pauses: each has to wake a thread that is idle, or about to be. */
    @Test
    void noMessageWaitsForTheNextOne() throws Exception {
        AtomicInteger received = new AtomicInteger();
        Mailbox mailbox = new Mailbox(thread, message -> received.incrementAndGet());
        for (int i = 1; i <= 20_000; i++) {
            mailbox.deliver(i);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (received.get() < i) {
                assertThat(System.nanoTime())
                        .as("message %s is not received", i)
                        .isLessThan(deadline);
                Thread.onSpinWait();
            }
        }
    }

    /**
     * A message comes when the I/O thread has found no more messages, but still counts as awake, so the message wakes
     * nobody. The I/O thread has to look once more, because no later message comes and wakes it.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void aMessageThatComesAtTheLastMomentIsReceived(int late) {
        Queue<Runnable> tasks = new ArrayDeque<>();
        List<Object> received = new ArrayList<>();
        AtomicReference<Mailbox> own = new AtomicReference<>();
        AtomicInteger left = new AtomicInteger(late);
        Queue<Object> queue = new ConcurrentLinkedQueue<>() {
            @Override
            public Object poll() {
                Object message = super.poll();
                if (message == null && left.getAndDecrement() > 0) {
                    own.get().deliver("late");
                }
                return message;
            }
        };
        own.set(new Mailbox(tasks::add, received::add, queue));
        own.get().deliver("first");
        while (!tasks.isEmpty()) {
            tasks.remove().run();
        }
        assertThat(received).hasSize(1 + late);
    }
}
