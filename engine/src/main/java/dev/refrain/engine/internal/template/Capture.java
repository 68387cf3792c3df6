package dev.refrain.engine.internal.template;

import java.nio.ByteBuffer;

/** The states of a capture: what documents and streams have in common. */
abstract class Capture implements AnswerCapture {
    /** Longer ones are taken for something else than an id. */
    private static final int MAX_ID_LENGTH = 256;

    private State state = State.OPEN;
    private boolean ended;
    private boolean terminated;
    private String rejection;

    @Override
    public final State append(ByteBuffer chunk) {
        if (!ended && state != State.REJECTED) {
            accept(chunk);
        }
        return state;
    }

    @Override
    public final State end() {
        if (!ended && state != State.REJECTED) {
            ended = true;
            finish();
        }
        return state;
    }

    @Override
    public final Template template() {
        if (state != State.COMPLETE) {
            throw new IllegalStateException("no template in state " + state);
        }
        return build();
    }

    @Override
    public final String rejection() {
        return rejection;
    }

    /** More of the answer; the state is not rejected. */
    abstract void accept(ByteBuffer chunk);

    /** The end of the answer; the state is not rejected, and afterwards it is not open. */
    abstract void finish();

    /** The state is complete. */
    abstract Template build();

    /** Drops every buffer. */
    abstract void release();

    @Override
    public final State state() {
        return state;
    }

    @Override
    public final boolean isTerminated() {
        return terminated;
    }

    final void complete() {
        terminated = true;
        if (state == State.OPEN) {
            state = State.COMPLETE;
        }
    }

    final void outgrow(String reason) {
        state = State.OVERSIZED;
        rejection = reason;
    }

    final void reject(String reason) {
        state = State.REJECTED;
        rejection = reason;
        release();
    }

    /** The id if it has only visible ASCII (RFC 9110, 5.5 allows more, with care): it may be sent as a header field. */
    static String headerSafe(String id) {
        if (id == null || id.isEmpty() || id.length() > MAX_ID_LENGTH) {
            return null;
        }
        return id.chars().allMatch(c -> c > ' ' && c < 0x7F) ? id : null;
    }
}
