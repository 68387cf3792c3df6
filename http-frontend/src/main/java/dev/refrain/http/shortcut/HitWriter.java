package dev.refrain.http.shortcut;

import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ModelNames;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.http.server.Pieces;
import dev.refrain.semantics.answer.HitHead;
import dev.refrain.semantics.head.CredentialMac;
import dev.refrain.semantics.head.KnownHead;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;

/**
 * Looks answers up for the {@link Shortcut}s of one I/O thread, and writes head and body together. One answer at a
 * time, on that thread only.
 */
final class HitWriter implements ResponseSink {
    private final ResponseCache cache;
    private final Function<CacheRequest, Optional<CacheKey>> keys;
    private final ActivityLog activity;
    private final ModelNames models;
    private final HitHead head = new HitHead();
    private final CredentialMac mac = new CredentialMac();
    private final ByteBuffer piece = ByteBuffer.allocateDirect(Pieces.DIRECT_LENGTH);

    private byte[] message = new byte[16 * 1024];

    // The current request, with the connection over which it came.
    private Shortcut connection;
    private KnownHead known;
    private CacheRequest request;
    private CacheKey key;
    private Account account;
    private int bodyLength;
    /** Bytes of head and body that are not written yet. */
    private int left;
    /** The buffer for the next bytes: the piece, or one for the rest if the client does not take all at once. */
    private ByteBuffer next;

    /** @param keys makes keys, as {@link ResponseCache#key} does */
    HitWriter(
            ResponseCache cache,
            Function<CacheRequest, Optional<CacheKey>> keys,
            ActivityLog activity,
            ModelNames models) {
        this.cache = cache;
        this.keys = keys;
        this.activity = activity;
        this.models = models;
    }

    /** Copies {@code count} bytes of a buffer. The array is valid until the next call. */
    byte[] bytes(ByteBuffer from, int start, int count) {
        if (message.length < count) {
            message = new byte[count];
        }
        from.get(start, message, 0, count);
        return message;
    }

    /** The MAC that belongs to this I/O thread. */
    CredentialMac mac() {
        return mac;
    }

    /** Overwrites the request's bytes, so that no credentials are kept (wire rule W15). */
    void wipe(int count) {
        Arrays.fill(message, 0, count, (byte) 0);
    }

    /**
     * Answers a request if its answer is stored.
     *
     * @param from the request's connection
     * @param bytes an array that begins with the whole request, {@code count} bytes long
     * @param body where the request's body begins
     * @return whether the request was answered
     */
    boolean answer(Shortcut from, KnownHead like, byte[] bytes, int body, int count) {
        connection = from;
        known = like;
        account = activity.begin(like.context().endpoint());
        request = CacheRequest.of(like.context(), bytes, body, count - body);
        key = keys.apply(request).orElse(null);
        return key != null && cache.pipeline().respondIfStored(key, like.directives(), this);
    }

    /** The key of the latest request, or null if the request is not eligible. */
    CacheKey key() {
        return key;
    }

    @Override
    public void head(ResponseHead of) {
        account.caller(known.caller());
        account.requestId(connection.knownRequestId());
        account.origin(connection.origin());
        if (connection.knownTrace() != null) {
            account.trace(connection.knownTrace().begin(account));
        }
        account.expect(null, key);
        account.request(models.name(key, request), null, key.streaming());
        account.policy(known.policy());
        account.head(of.status(), of.generationId(), of.cache());
        head.write(of, connection.knownRequestId(), key, account, System.currentTimeMillis());
        bodyLength = Math.toIntExact(of.contentLength());
        left = head.length() + bodyLength;
        next = piece.clear().put(head.bytes(), 0, head.length());
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        int end = bytes.limit();
        while (end - bytes.position() > next.remaining()) {
            next.put(bytes.limit(bytes.position() + next.remaining()));
            bytes.limit(end);
            writePiece();
        }
        next.put(bytes);
    }

    private void writePiece() {
        connection.write(piece.flip());
        left -= piece.position();
        if (piece.hasRemaining() && connection.reserve(left)) {
            next = ByteBuffer.allocate(left).put(piece);
        } else {
            // All is written, or the client has gone and nobody takes the rest.
            piece.clear();
        }
    }

    @Override
    public void end() {
        connection.end(next.flip(), !next.isDirect(), bodyLength, account);
    }

    @Override
    public void fail(Throwable cause) {
        throw new IllegalStateException("an answer that is stored is whole", cause);
    }
}
