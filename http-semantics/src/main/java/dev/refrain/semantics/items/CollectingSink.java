package dev.refrain.semantics.items;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;

/** Collects the provider's answer to a request for items, so that it can be split into items. */
abstract class CollectingSink implements ResponseSink {
    private final ItemExchange exchange;
    private ResponseHead head;
    /**
     * The bytes so far; null if the answer cannot be split. The array grows as bytes arrive, since a provider may
     * announce a length and send nothing.
     */
    private byte[] collected;

    private int size;

    CollectingSink(ItemExchange exchange) {
        this.exchange = exchange;
    }

    /** Takes the answer's head. Returns whether it may be that of an answer with embeddings. */
    final boolean begin(ResponseHead answer) {
        head = answer;
        String type = answer.contentType() == null ? "" : answer.contentType().toLowerCase(Locale.ROOT);
        boolean isPlain =
                answer.contentEncoding() == null || answer.contentEncoding().equalsIgnoreCase("identity");
        boolean fits = answer.status() == 200
                && isPlain
                && !type.startsWith("text/event-stream")
                && answer.contentLength() <= exchange.maxAnswerBytes();
        collected = fits ? new byte[0] : null;
        return fits;
    }

    /** The answer's head; null before {@link #begin}. */
    final ResponseHead begun() {
        return head;
    }

    /** Adds a piece. Returns whether everything so far is collected. */
    final boolean collect(ByteBuffer bytes) {
        if (collected == null) {
            return false;
        }
        int more = bytes.remaining();
        if (!makeRoom(more)) {
            collected = null;
            return false;
        }
        bytes.duplicate().get(collected, size, more);
        size += more;
        return true;
    }

    private boolean makeRoom(int more) {
        int length = collected.length;
        long needed = (long) size + more;
        if (needed <= length) {
            return true;
        }
        int most = exchange.maxAnswerBytes();
        long expected = head.contentLength() >= 0 ? head.contentLength() : most;
        long longer = Math.max(needed, Math.min(2L * length, expected));
        // Twice, because the array is copied when it grows, and again for the store.
        if (needed > most || !exchange.held().grow(2 * (longer - length))) {
            return false;
        }
        collected = Arrays.copyOf(collected, (int) longer);
        return true;
    }

    /** Whether as many bytes are collected as the head announced. */
    final boolean isWhole() {
        return collected != null && size == head.contentLength();
    }

    /** Hands over the whole answer; null if some of its bytes were not collected. */
    final byte[] take() {
        byte[] all = collected;
        collected = null;
        return all == null || all.length == size ? all : Arrays.copyOf(all, size);
    }

    @Override
    public void whenDrained(Runnable action) {
        if (exchange.cache().admin().memory().isTight() || collected == null) {
            exchange.client().whenDrained(action);
        } else {
            action.run();
        }
    }

    @Override
    public boolean hasReader() {
        return exchange.client().hasReader();
    }
}
