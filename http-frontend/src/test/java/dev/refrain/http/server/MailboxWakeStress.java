package dev.refrain.http.server;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/**
 * The I/O thread finds that it has received everything while another thread sends a last message. If its wake-up is
 * lost, the message is never received. {@link MailboxStress} cannot show a lost wake-up: there a later message wakes
 * the I/O thread.
 */
@JCStressTest
@Outcome(id = "1234", expect = Expect.ACCEPTABLE, desc = "All, in order.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A message waits for the next one, which may never come.")
@State
public class MailboxWakeStress {
    /** Tasks for the I/O thread. */
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();

    private final StringBuilder received = new StringBuilder();

    private final Mailbox mailbox = new Mailbox(tasks::add, received::append) {
        @Override
        boolean isOnThread() {
            return false;
        }
    };

    @Actor
    public void ioThread() {
        for (int i = 0; i < 8; i++) {
            runTasks();
        }
    }

    @Actor
    public void elsewhere() {
        for (char message = '1'; message <= '4'; message++) {
            mailbox.deliver(message);
        }
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    /** Runs on the I/O thread once the other thread is done. */
    @Arbiter
    public void rest(L_Result result) {
        runTasks();
        result.r1 = received.toString();
    }
}
