package dev.refrain.semantics.items;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import java.nio.ByteBuffer;
import java.util.Set;

/** The provider's answer to some items of a request. The client gets it together with those that were known. */
final class SomeItemsSink extends CollectingSink {
    /** With these the provider blames the request, whose items it may name by their places: it has to see all of it. */
    private static final Set<Integer> ABOUT_THE_REQUEST = Set.of(400, 413, 422);

    private final ItemAnswers answers;
    private final ItemExchange exchange;
    private final ResponseSink client;
    private final int items;
    /** The provider has refused, and the client gets that. */
    private boolean passes;
    /** The request goes as a whole, and this answer nowhere. */
    private boolean ignored;

    /**
     * Takes one answer.
     *
     * @param items how many were asked for
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
            answers.doubt();
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
            answers.doubt();
            // Not at its end: it is too long, and paid for.
            answers.goOn();
        }
    }

    @Override
    public void whenDrained(Runnable action) {
        if (ignored) {
            // The client may be another call's by now.
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
