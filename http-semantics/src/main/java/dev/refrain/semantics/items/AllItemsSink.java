package dev.refrain.semantics.items;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import java.nio.ByteBuffer;

/** Receives the provider's answer to all items of a request, and passes it to the client as it arrives. */
final class AllItemsSink extends CollectingSink {
    private final ItemAnswers answers;
    private final ItemExchange exchange;
    private final ResponseSink client;
    /** Whether the head is held back, because it has to say whether the answer was stored. */
    private boolean headWaits;
    /** Whether the flights of the items have their answers, or have failed. */
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
        // A head with a length is held back until the first piece, as with answers that are captured whole.
        headWaits = fits && answer.contentLength() > 0;
        if (!fits) {
            settled = true;
            answers.giveUp(new ItemAnswers.NotSplit());
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
                answers.giveUp(new ItemAnswers.NotSplit());
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

    /** Stores the items before the client has the last piece, so that its next request finds them. */
    private void settle() {
        settled = true;
        byte[] bytes = take();
        ItemAnswer answer = bytes == null
                ? null
                : ItemAnswer.of(bytes, bytes.length, exchange.request().size());
        if (answer != null && answer.isWellFormed()) {
            stored = answers.hand(answer, begun());
            if (stored) {
                // If this request asked for a new answer, an older one to the whole request is out of date.
                exchange.cache().remove(exchange.whole());
            }
        } else {
            if (bytes != null && !exchange.controls().directives().noStore()) {
                storeWhole(bytes);
            }
            answers.giveUp(new ItemAnswers.NotSplit());
        }
    }

    /**
     * Stores the answer under the key of the whole request. Other requests that wait for one of its items are then sent
     * as a whole, and may find this entry.
     */
    private void storeWhole(byte[] bytes) {
        ResponseSink capture = exchange.cache()
                .pipeline()
                .capture(exchange.whole(), exchange.controls().ttl(), new Discarding());
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
        // A head that is held back is dropped: the client then gets an error in place of a truncated answer.
        client.fail(cause);
    }

    /** Swallows what a capture passes on, since the client gets the answer from this sink. */
    private static final class Discarding implements ResponseSink {
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
