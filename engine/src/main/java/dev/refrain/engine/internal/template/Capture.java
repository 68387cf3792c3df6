package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import java.nio.ByteBuffer;
import java.util.Set;

/** The state machine that captures of documents and streams share. */
abstract class Capture implements AnswerCapture {
    final AnswerFormat format;
    final int maxBytes;
    final Completeness completeness;
    final AnswerCount count;

    /** The rejection of a capture for which the memory budget had no room. */
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
            throw new IllegalStateException("only a complete answer has a template, and this capture is " + state);
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

    /** Takes more of the answer, in any state. */
    abstract void accept(ByteBuffer chunk);

    /** Takes the end of the answer, in any state. The state is not open after it. */
    abstract void finish(boolean inGoodOrder);

    /** Makes the template. Called in the state {@link State#COMPLETE}. */
    abstract Template build();

    /** Drops the bytes that are held for a template. */
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

    /** Whether the answer may still become a template, or may have readers of its live stream. */
    final boolean isWanted() {
        return state != State.REJECTED;
    }

    /** Rejects the answer. Only the first reason is kept. */
    final void reject(String reason) {
        if (state != State.REJECTED) {
            state = State.REJECTED;
            rejection = reason;
            release();
        }
    }
}
