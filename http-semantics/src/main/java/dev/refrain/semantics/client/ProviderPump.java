package dev.refrain.semantics.client;

import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call to a provider: reads its answer on a thread of the executor and passes it on, piece by piece, as it comes.
 * While the reader is behind, no thread waits for it. Only the thread that reads the body closes it, because the bodies
 * of client libraries are not thread-safe.
 */
final class ProviderPump implements Upstream.Call, Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(ProviderPump.class);

    private static final int PIECE = 16 * 1024;

    private enum State {
        /** A thread reads, or is about to. */
        READING,
        /** A thread reads, and the reader has caught up before that thread could pause. */
        GOES_ON,
        /** No thread reads. */
        PAUSED
    }

    private final ClientRequest request;
    private final Executor threads;
    private final ResponseSink sink;
    private final byte[] piece = new byte[PIECE];
    private final AtomicReference<State> state = new AtomicReference<>(State.READING);

    private volatile boolean cancelled;
    /** The answer's body, used only by the thread that reads; null once it is closed. */
    private InputStream body;

    private ProviderPump(ClientRequest request, Executor threads, ResponseSink sink) {
        this.request = request;
        this.threads = threads;
        this.sink = sink;
    }

    /** Starts the call, and returns without waiting. What the client throws goes to the sink. */
    static Upstream.Call start(ClientRequest request, byte[] changed, Executor threads, ResponseSink sink) {
        ProviderPump pump = new ProviderPump(request, threads, sink);
        threads.execute(() -> pump.call(changed));
        return pump;
    }

    @SuppressWarnings("CatchingUnchecked") // whatever is thrown, a caller waits for the answer
    private void call(byte[] changed) {
        try {
            ProviderAnswer answer = request.send(changed);
            body = answer.body();
            sink.head(answer.head());
        } catch (Throwable e) {
            broken(e);
            return;
        }
        read();
    }

    /** Goes on after a pause. */
    @Override
    public void run() {
        read();
    }

    private void read() {
        try {
            while (!cancelled) {
                int count = body.read(piece);
                if (count < 0) {
                    close();
                    sink.end();
                    return;
                }
                sink.chunk(ByteBuffer.wrap(piece, 0, count));
                if (!mayGoOn()) {
                    return;
                }
            }
            close();
            sink.fail(new IOException("the call was cancelled, because no client wants its answer any more"));
        } catch (IOException | RuntimeException | Error e) {
            broken(e);
        }
    }

    private void broken(Throwable cause) {
        close();
        sink.fail(cause);
    }

    /** Whether to read on now. If not, a thread is started once the reader has caught up. */
    private boolean mayGoOn() {
        sink.whenDrained(this::drained);
        if (state.compareAndSet(State.READING, State.PAUSED)) {
            // A cancel before this step found the state READING, and left the rest to this thread.
            return cancelled && state.compareAndSet(State.PAUSED, State.READING);
        }
        state.set(State.READING);
        return true;
    }

    private void drained() {
        if (!state.compareAndSet(State.READING, State.GOES_ON)) {
            resume();
        }
    }

    private void resume() {
        if (state.compareAndSet(State.PAUSED, State.READING)) {
            try {
                threads.execute(this);
            } catch (RejectedExecutionException e) {
                broken(new IOException("the executor in RefrainOptions refuses tasks; has it been shut down?", e));
            }
        }
    }

    private void close() {
        InputStream open = body;
        body = null;
        if (open != null) {
            try {
                open.close();
            } catch (IOException | RuntimeException e) {
                LOG.debug("A provider's answer could not be closed", e);
            }
        }
    }

    @Override
    public void cancel() {
        cancelled = true;
        request.cancelCall();
        resume();
    }
}
