package dev.refrain.semantics.items;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import java.nio.ByteBuffer;

/** The provider's answer to all items of a request. It goes to the client as it arrives. */
final class AllItemsSink extends CollectingSink {
    private final ItemAnswers answers;
    private final ItemExchange exchange;
    private final ResponseSink client;
    /** The head has not gone out yet: it says whether the answer was stored. */
    private boolean headWaits;
    /** Those who wait for the items have got them, or will not get them from this answer. */
    private boolean settled;

    private boolean stored;

    AllItemsSink(ItemAnswers answers, ItemExchange exchange) {
        super(exchange);
        this.answers = answers;
        this.exchange = exchange;
        this.client = exchange.client();
    }

    @Override
    public void head(ResponseHead answer) {
        boolean fits = begin(answer);
        // As where an answer is captured whole: a head with a length goes out with the first piece.
        headWaits = fits && answer.contentLength() > 0;
        if (!fits) {
            settled = true;
            answers.giveUp(new ItemAnswers.Doubt());
        }
        if (!headWaits) {
            client.head(answer.withCache(answers.outcome(ofHead(answer), Savings.NONE)));
        }
    }

    private CacheOutcome ofHead(ResponseHead answer) {
        if (answer.status() == 200 && answer.contentEncoding() != null) {
            return new CacheOutcome.Bypass(BypassReason.ANSWER_ENCODED);
        }
        boolean tooLong = answer.status() == 200 && answer.contentLength() > exchange.maxAnswerBytes();
        return tooLong ? new CacheOutcome.Bypass(BypassReason.ANSWER_TOO_LARGE) : exchange.miss(false);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (!settled) {
            if (!collect(bytes)) {
                settled = true;
                answers.giveUp(new ItemAnswers.Doubt());
            } else if (isWhole()) {
                settle();
            }
        }
        releaseHead();
        client.chunk(bytes);
    }

    private void releaseHead() {
        if (headWaits) {
            headWaits = false;
            client.head(begun().withCache(answers.outcome(exchange.miss(stored), Savings.NONE)));
        }
    }

    /** Before the client has the last of it, so that its next request finds what it has got. */
    private void settle() {
        settled = true;
        byte[] bytes = take();
        ItemAnswer answer = bytes == null
                ? null
                : ItemAnswer.of(bytes, bytes.length, exchange.request().size());
        if (answer != null && answer.isWellFormed()) {
            stored = answers.hand(answer, begun());
            if (stored) {
                // An older one is no longer true, if the request has asked for a new one.
                exchange.cache().remove(exchange.whole());
            }
        } else {
            if (bytes != null && !exchange.controls().directives().noStore()) {
                storeWhole(bytes);
            }
            answers.giveUp(new ItemAnswers.Doubt());
        }
    }

    /** Those who wait for items of it ask again, for all that they want, and may find it. */
    private void storeWhole(byte[] bytes) {
        ResponseSink capture = exchange.cache()
                .pipeline()
                .capture(exchange.whole(), exchange.controls().ttl(), new Nobody());
        capture.head(begun());
        capture.chunk(ByteBuffer.wrap(bytes));
        capture.end();
    }

    @Override
    public void end() {
        if (!settled) {
            settle();
        }
        releaseHead();
        answers.finish();
        client.end();
    }

    @Override
    public void fail(Throwable cause) {
        answers.giveUp(cause);
        answers.finish();
        // Without the head, if that waits: the client gets an error, and no answer that is cut short.
        client.fail(cause);
    }

    /** A capture passes the answer on to this; the client has it already. */
    private static final class Nobody implements ResponseSink {
        @Override
        public void head(ResponseHead head) {}

        @Override
        public void chunk(ByteBuffer bytes) {}

        @Override
        public void end() {}

        @Override
        public void fail(Throwable cause) {}
    }
}
