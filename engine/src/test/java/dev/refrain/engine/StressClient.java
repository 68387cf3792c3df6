package dev.refrain.engine;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One reader of {@link FlightStressTest}. It reads slowly, leaves or throws at random, and checks the order of calls.
 */
final class StressClient implements ResponseSink {
    private enum Habit {
        QUICK,
        SLOW,
        LEAVES,
        THROWS
    }

    private final Executor pool;
    private final Habit habit;
    private final int patience;
    private final boolean hearsOfDrainWhenGone;

    private final CountDownLatch settled = new CountDownLatch(1);
    private final AtomicBoolean busy = new AtomicBoolean();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private int chunks;
    private ResponseHead head;
    private boolean ended;
    private Throwable failure;
    private String disorder;

    // Guarded by this.
    private boolean gone;
    private Runnable goneListener;
    private Runnable drainListener;

    StressClient(Random random, Executor pool, boolean healthy) {
        this.pool = pool;
        int draw = random.nextInt(100);
        habit = healthy || draw < 50 ? Habit.QUICK : draw < 75 ? Habit.SLOW : draw < 93 ? Habit.LEAVES : Habit.THROWS;
        patience = random.nextInt(6);
        hearsOfDrainWhenGone = random.nextBoolean();
        if (habit == Habit.LEAVES && patience == 0) {
            pool.execute(this::leave);
        }
    }

    private void enter(boolean inOrder, String what) {
        if (!busy.compareAndSet(false, true)) {
            disorder = what + " while another call was under way";
        } else if (!inOrder || ended || failure != null) {
            disorder = what + " out of order";
        }
    }

    private void exit() {
        busy.set(false);
    }

    @Override
    public void head(ResponseHead answer) {
        enter(head == null, "head");
        head = answer;
        exit();
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        enter(head != null, "chunk");
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        chunks++;
        boolean faulty = chunks == patience && habit == Habit.THROWS;
        if (!faulty) {
            body.writeBytes(copy);
        }
        exit();
        if (chunks == patience && habit == Habit.LEAVES) {
            pool.execute(this::leave);
        }
        if (faulty) {
            throw new IllegalStateException("on purpose");
        }
    }

    @Override
    public void end() {
        enter(head != null, "end");
        ended = true;
        exit();
        settled.countDown();
    }

    @Override
    public void fail(Throwable cause) {
        enter(true, "fail");
        failure = cause;
        exit();
        settled.countDown();
    }

    @Override
    public void whenDrained(Runnable action) {
        if (habit == Habit.QUICK || habit == Habit.THROWS) {
            action.run();
            return;
        }
        synchronized (this) {
            if (!gone) {
                drainListener = action;
                // A client that is about to leave reads no more.
                if (habit == Habit.SLOW || chunks < patience) {
                    pool.execute(this::take);
                }
                return;
            }
        }
        action.run();
    }

    private void take() {
        Runnable action;
        synchronized (this) {
            action = drainListener;
            drainListener = null;
        }
        if (action != null) {
            action.run();
        }
    }

    @Override
    public void whenGone(Runnable action) {
        synchronized (this) {
            goneListener = action;
            if (!gone) {
                return;
            }
        }
        action.run();
    }

    private void leave() {
        Runnable listener;
        synchronized (this) {
            gone = true;
            listener = goneListener;
        }
        settled.countDown();
        if (listener != null) {
            listener.run();
        }
        if (hearsOfDrainWhenGone) {
            take();
        }
    }

    // ------------------------------------------------------------------------------------------------------ afterwards

    /** Opens when the client has had its end, or has left. */
    CountDownLatch settled() {
        return settled;
    }

    String disorder() {
        return disorder;
    }

    ResponseHead head() {
        return head;
    }

    boolean ended() {
        return ended;
    }

    String text() {
        return body.toString(UTF_8);
    }

    @Override
    public String toString() {
        return habit + "/" + patience + " client (head " + head + ", " + chunks + " chunks of " + body.size()
                + " bytes, " + (ended ? "ended" : failure != null ? "failed: " + failure : "open") + ")";
    }
}
