package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.Set;

/** Captures an answer in a format of the caller's own. It is stored and replayed unchanged. */
final class BytesCapture implements AnswerCapture {
    private static final int INITIAL_CAPACITY = 1024;

    private final int maxBytes;
    private final GrowableBytes bytes;
    private AnswerFacts facts = AnswerFacts.NONE;
    private State state = State.OPEN;
    private String rejection;
    private boolean ended;

    BytesCapture(int maxBytes, MemoryBudget.Reservation memory) {
        this.maxBytes = maxBytes;
        this.bytes = new GrowableBytes(INITIAL_CAPACITY, memory);
    }

    @Override
    public State append(ByteBuffer chunk) {
        if (ended || state != State.OPEN) {
            return state;
        }
        if (chunk.remaining() > maxBytes - bytes.length()) {
            reject("over the stored-answer limit");
            return state;
        }
        try {
            bytes.append(chunk, chunk.position(), chunk.limit());
        } catch (MemoryBudget.Exhausted noRoom) {
            reject(Capture.NO_ROOM);
        }
        return state;
    }

    @Override
    public State end(boolean inGoodOrder) {
        if (!ended && state == State.OPEN) {
            if (bytes.length() == 0) {
                reject("no bytes");
            } else if (!inGoodOrder) {
                reject("perhaps cut");
            } else {
                state = State.COMPLETE;
            }
        }
        ended = true;
        return state;
    }

    private void reject(String reason) {
        state = State.REJECTED;
        rejection = reason;
        bytes.release();
    }

    @Override
    public void tell(AnswerFacts told) {
        facts = told;
    }

    @Override
    public Template template() {
        if (state != State.COMPLETE) {
            throw new IllegalStateException("only a complete answer has a template, and this capture is " + state);
        }
        return new Template(bytes.bytes(), bytes.length(), new byte[0], 0, 0, facts);
    }

    /** The format is unknown, so no id can be found. */
    @Override
    public String providerId() {
        return null;
    }

    @Override
    public State state() {
        return state;
    }

    @Override
    public LiveTemplate live() {
        return null;
    }

    @Override
    public boolean isTerminated() {
        return state == State.COMPLETE;
    }

    @Override
    public String rejection() {
        return rejection;
    }

    @Override
    public boolean isOutOfRoom() {
        return Capture.NO_ROOM.equals(rejection);
    }

    @Override
    public AnswerFacts facts() {
        return facts;
    }

    @Override
    public Set<String> finishReasons() {
        return Set.of();
    }
}
