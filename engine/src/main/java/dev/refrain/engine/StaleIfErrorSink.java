package dev.refrain.engine;

import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;

/**
 * Answers from the store if the upstream fails before its answer begins, or answers with a failure (wire rule W30; RFC
 * 5861, 4). If the store has no entry that is recent enough, passes on what the upstream sends.
 */
final class StaleIfErrorSink extends ForwardingSink {
    private static final int TOO_MANY_REQUESTS = 429;

    private final Answers answers;
    private final CacheKey key;
    private final long maxStaleMillis;
    private final ForwardReason reason;

    private boolean begun;
    /** Whether the client has its answer from the store. Then the upstream is ignored. */
    private boolean replaced;

    StaleIfErrorSink(Answers answers, CacheKey key, long maxStaleMillis, ForwardReason reason, ResponseSink client) {
        super(client);
        this.answers = answers;
        this.key = key;
        this.maxStaleMillis = maxStaleMillis;
        this.reason = reason;
    }

    @Override
    public void head(ResponseHead head) {
        begun = true;
        replaced =
                isFailure(head.status()) && answers.replayOnError(key, maxStaleMillis, reason, head.status(), client());
        if (!replaced) {
            super.head(head);
        }
    }

    private static boolean isFailure(int status) {
        return status / 100 == 5 || status == TOO_MANY_REQUESTS;
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (!replaced) {
            super.chunk(bytes);
        }
    }

    @Override
    public void end() {
        if (!replaced) {
            super.end();
        }
    }

    @Override
    public void fail(Throwable cause) {
        if (!begun) {
            replaced = answers.replayOnError(key, maxStaleMillis, reason, 0, client());
        }
        if (!replaced) {
            super.fail(cause);
        }
    }
}
