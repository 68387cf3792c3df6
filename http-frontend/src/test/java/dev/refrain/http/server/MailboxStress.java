package dev.refrain.http.server;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/**
 * The I/O thread sends itself messages while another thread sends some. Each message arrives once, after all messages
 * that its thread sent earlier, and after the message that caused it.
 */
@JCStressTest
@Outcome(id = "012345, abcd", expect = Expect.ACCEPTABLE, desc = "All, each thread's in order, the cause first.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A message is lost, comes twice or too early.")
@State
public class MailboxStress {
    /** Tasks for the I/O thread. */
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();

    private final StringBuilder received = new StringBuilder();
    /** Set by the I/O thread itself. So the other thread reads null or the I/O thread here, and never its own. */
    private volatile Thread io;

    private final Mailbox mailbox = new Mailbox(tasks::add, received::append) {
        @Override
        boolean isOnThread() {
            return Thread.currentThread() == io;
        }
    };

    @Actor
    public void ioThread() {
        io = Thread.currentThread();
        for (char own = 'a'; own <= 'd'; own++) {
            mailbox.deliver(own);
            runTasks();
        }
    }

    @Actor
    public void elsewhere() {
        mailbox.deliverWithNext('0');
        mailbox.deliver('1');
        mailbox.deliver('2');
        mailbox.deliver('3');
        mailbox.deliverWithNext('4');
        tasks.add(() -> mailbox.deliver('5'));
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    /** Runs on the I/O thread once the other thread is done. */
    @Arbiter
    public void rest(LL_Result result) {
        io = Thread.currentThread();
        runTasks();
        String all = received.toString();
        result.r1 = all.replaceAll("[a-d]", "");
        result.r2 = all.replaceAll("[^a-d]", "");
    }
}
