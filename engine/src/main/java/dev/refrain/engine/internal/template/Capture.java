package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import java.nio.ByteBuffer;
import java.util.Set;

/** The states of a capture: what documents and streams have in common. */
abstract class Capture implements AnswerCapture {
    final AnswerFormat format;
    final int maxBytes;
    final Completeness completeness;
    final AnswerCount count;

    /** Why a capture gave up whose memory budget was used up. */
    static final String NO_ROOM = "no room in the memory budget";

    private State state = State.OPEN;
    private boolean ended;
    private boolean terminated;
    private String rejection;

    Capture(AnswerFormat format, boolean streaming, int maxBytes) {
        this.format = format;
        this.maxBytes = maxBytes;
        this.completeness = new Completeness(format, streaming);
        this.count = new AnswerCount(format);
    }

    @Override
    public final State append(ByteBuffer chunk) {
        if (!ended) {
            accept(chunk);
        }
        return state;
    }

    @Override
    public final State end(boolean inGoodOrder) {
        if (!ended) {
            ended = true;
            finish(inGoodOrder);
        }
        return state;
    }

    @Override
    public final AnswerFacts facts() {
        return count.facts();
    }

    @Override
    public final String providerId() {
        return count.facts().id();
    }

    @Override
    public final Set<String> finishReasons() {
        return completeness.reasons();
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

    @Override
    public final boolean isOutOfRoom() {
        return NO_ROOM.equals(rejection);
    }

    /** More of the answer, in any state. */
    abstract void accept(ByteBuffer chunk);

    /** The end of the answer, in any state; afterwards it is not open. */
    abstract void finish(boolean inGoodOrder);

    /** The state is complete. */
    abstract Template build();

    /** Drops what is held for a template. */
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

    /** Whether there is, or may be, a template or somebody who reads a live one. */
    final boolean isWanted() {
        return state != State.REJECTED;
    }

    /** The first reason counts. */
    final void reject(String reason) {
        if (state != State.REJECTED) {
            state = State.REJECTED;
            rejection = reason;
            release();
        }
    }
}
