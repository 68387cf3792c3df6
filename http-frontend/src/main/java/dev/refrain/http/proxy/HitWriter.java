package dev.refrain.http.proxy;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.ResponseHead;
import dev.refrain.engine.ResponseSink;
import dev.refrain.http.activity.Account;
import dev.refrain.http.activity.ActivityLog;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Looks answers up for the {@link Shortcut}s of one I/O thread and puts head and body together, so that they are written at once. One
 * answer at a time; the thread's alone.
 */
final class HitWriter implements ResponseSink {
    /** An event stream of some thousand tokens fits. */
    private static final int BUFFER = 256 * 1024;

    private final ResponseCache cache;
    private final ActivityLog activity;
    private final ModelNames models;
    private final HitHead head = new HitHead();
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);

    private byte[] message = new byte[16 * 1024];

    // Of the request that is being looked at.
    private Shortcut connection;
    private KnownHead known;
    private CacheRequest request;
    private CacheKey key;
    private Account account;
    private ByteBuffer answer;

    HitWriter(ResponseCache cache, ActivityLog activity, ModelNames models) {
        this.cache = cache;
        this.activity = activity;
        this.models = models;
    }

    /** So many bytes of a buffer, valid until the next call. */
    byte[] bytes(ByteBuffer from, int start, int count) {
        if (message.length < count) {
            message = new byte[count];
        }
        from.get(start, message, 0, count);
        return message;
    }

    /**
     * Answers a request if there is a stored answer.
     *
     * @param from the connection that it came over
     * @param bytes the whole request, {@code count} of them
     * @param body where its body begins
     * @return whether it is answered
     */
    boolean answer(Shortcut from, KnownHead like, byte[] bytes, int body, int count) {
        connection = from;
        known = like;
        account = activity.begin(like.endpoint());
        request = CacheRequest.of(like.endpoint(), like.apiKey(), bytes, body, count - body)
                .at(like.upstream(), like.query());
        Optional<CacheKey> eligible = cache.key(request);
        if (eligible.isEmpty()) {
            return false;
        }
        key = eligible.get();
        return cache.respondIfStored(key, like.directives(), this);
    }

    @Override
    public void head(ResponseHead of) {
        account.caller(known.apiKey());
        account.expect(null, key);
        account.request(models.name(key, request), null, key.streaming());
        account.head(of.status(), of.generationId(), of.cache());
        head.write(of, key, System.currentTimeMillis());
        int length = Math.toIntExact(head.length() + of.contentLength());
        answer = length <= BUFFER ? buffer.clear() : ByteBuffer.allocate(length);
        answer.put(head.bytes(), 0, head.length());
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        answer.put(bytes);
    }

    @Override
    public void end() {
        connection.write(answer.flip(), head.length(), account);
    }

    @Override
    public void fail(Throwable cause) {
        throw new IllegalStateException("an answer that is stored is whole", cause);
    }
}
