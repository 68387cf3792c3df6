package dev.refrain.engine;

import dev.refrain.engine.internal.template.AnswerCapture;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A tee: passes an answer on as it arrives and stores it once it is known to be complete. Only a terminal event, or the end of a
 * body that parses, commits; anything else discards (wire rule W16).
 *
 * <p>The commit comes <em>before</em> the piece that tells the client that the answer is complete is passed on, so that a client
 * that repeats itself at once finds its answer. Whatever goes wrong on the storing side ends the capture, never the answer.
 */
final class CaptureSink implements ResponseSink {
    private static final Logger LOG = LoggerFactory.getLogger(CaptureSink.class);

    private final ResponseCache cache;
    private final CacheKey key;
    private final Duration ttl;
    private final ResponseSink client;
    private final long startedAtMillis;

    private ResponseHead head;
    /** Null when there is nothing to capture, or nothing any more. */
    private AnswerCapture capture;

    private long received;
    private boolean ended;
    private int committedLength = -1;

    CaptureSink(ResponseCache cache, CacheKey key, Duration ttl, ResponseSink client, long startedAtMillis) {
        this.cache = cache;
        this.key = key;
        this.ttl = ttl;
        this.client = client;
        this.startedAtMillis = startedAtMillis;
    }

    @Override
    public void head(ResponseHead answer) {
        head = answer;
        boolean storable = answer.status() == 200
                && (answer.contentEncoding() == null || answer.contentEncoding().equalsIgnoreCase("identity"))
                && answer.contentLength() <= cache.maxAnswerBytes();
        if (storable) {
            capture = AnswerCapture.of(key.endpoint(), key.streaming(), cache.maxAnswerBytes());
        } else {
            cache.counters().rejections.increment();
        }
        client.head(answer.withCache(new CacheOutcome.Miss(ttl.toSeconds(), storable)));
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (capture != null) {
            received += bytes.remaining();
            advance(bytes, !key.streaming() && received == head.contentLength());
        }
        client.chunk(bytes);
    }

    @Override
    public void end() {
        advance(null, true);
        client.end();
    }

    @Override
    public void fail(Throwable cause) {
        if (capture != null && committedLength < 0) {
            cache.counters().rejections.increment();
        }
        capture = null;
        client.fail(cause);
    }

    /** Feeds the capture and commits or discards as its state demands. */
    @SuppressWarnings("CatchingUnchecked") // a fault in the cache must not become a fault of the answer
    private void advance(ByteBuffer bytes, boolean last) {
        if (capture == null || ended) {
            return;
        }
        try {
            AnswerCapture.State state = bytes == null ? AnswerCapture.State.OPEN : capture.append(bytes);
            if (last && state != AnswerCapture.State.REJECTED) {
                ended = true;
                state = capture.end();
            }
            if (state == AnswerCapture.State.COMPLETE) {
                commit();
            } else if (state == AnswerCapture.State.REJECTED) {
                reject();
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            LOG.warn("An answer could not be stored; it is served all the same. Key {}", key, e);
            cache.counters().failures.increment();
            capture = null;
        }
    }

    /** Stores what there is; again if events followed the terminal one, so that a replay has them too. */
    private void commit() {
        int length = capture.template().length();
        if (length != committedLength) {
            long now = cache.nowMillis();
            EntryCodec.Facts facts = new EntryCodec.Facts(
                    head.contentType(), head.generationId(), now, now + ttl.toMillis(), now - startedAtMillis);
            cache.put(key, capture.template(), facts);
            committedLength = length;
        }
    }

    private void reject() {
        LOG.debug("Not stored: {} ({})", key, capture.rejection());
        cache.counters().rejections.increment();
        if (committedLength >= 0) {
            cache.remove(key);
        }
        capture = null;
    }
}
