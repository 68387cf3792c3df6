package dev.refrain.semantics.items;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * Receives the provider's answer to some items of a request. The client gets these items together with the known ones.
 */
final class SomeItemsSink extends CollectingSink {
    /** Statuses that blame the request. Messages may name positions of items, so the whole request is sent again. */
    private static final Set<Integer> ABOUT_THE_REQUEST = Set.of(400, 413, 422);

    private final ItemAnswers answers;
    private final ItemExchange exchange;
    private final ResponseSink client;
    private final int items;
    /** Whether the provider has refused, and the client gets the refusal. */
    private boolean passes;
    /** Whether this answer is dropped, because the request is sent as a whole. */
    private boolean ignored;

    /**
     * Receives one answer.
     *
     * @param items number of items that were requested
     */
    SomeItemsSink(ItemAnswers answers, ItemExchange exchange, int items) {
        super(exchange);
        this.answers = answers;
        this.exchange = exchange;
        this.client = exchange.client();
        this.items = items;
    }

    @Override
    public void head(ResponseHead answer) {
        if (begin(answer)) {
            return;
        }
        if (answer.status() == 200 || ABOUT_THE_REQUEST.contains(answer.status())) {
            ignored = true;
            answers.requireWhole();
            if (answer.contentLength() > exchange.maxAnswerBytes()) {
                answers.goOn();
            }
            return;
        }
        passes = answers.takeClient();
        if (passes) {
            client.head(answer.withCache(answers.outcome(exchange.miss(false), Savings.NONE)));
        }
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (passes) {
            client.chunk(bytes);
        } else if (!ignored && !collect(bytes)) {
            ignored = true;
            answers.requireWhole();
            // Goes on at once: the answer is too long to wait for its end.
            answers.goOn();
        }
    }

    @Override
    public void whenDrained(Runnable action) {
        if (ignored) {
            // Another call may be answering the client already.
            action.run();
        } else {
            super.whenDrained(action);
        }
    }

    @Override
    public void end() {
        if (passes) {
            answers.callEnded();
            client.end();
            return;
        }
        byte[] bytes = ignored ? null : take();
        ItemAnswer answer = bytes == null ? null : ItemAnswer.of(bytes, bytes.length, items);
        answers.fetched(answer != null && answer.isWellFormed() ? answer : null, begun());
    }

    @Override
    public void fail(Throwable cause) {
        if (passes) {
            answers.callEnded();
            client.fail(cause);
        } else {
            answers.notFetched(ignored ? null : cause);
        }
    }
}
