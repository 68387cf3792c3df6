package dev.refrain.engine;

import dev.refrain.engine.internal.hot.RecordRing;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.Arrays;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;

/**
 * The keys of requests that came lately, so that a request that comes again byte for byte is neither parsed nor digested again. It is
 * found by a fast hash and then compared with the one before, every byte of it and of what else goes into the key: a hash that somebody
 * has made collide finds nothing. Only requests that are eligible are here. Thread-safe.
 *
 * <p>A record's key is the body as sent. Its value is what {@link KeyDeriver#begin} took down, and then the digest, the model's tag and
 * the streaming mode.
 */
final class RequestMemo {
    /** Longer ones are rare, and would push out many. */
    private static final int MAX_BODY = 256 << 10;

    private static final int DIGEST = 0;
    private static final int MODEL = DIGEST + CacheKey.LENGTH;
    private static final int STREAMING = MODEL + Long.BYTES;
    private static final int LENGTH = STREAMING + 1;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final XXHash64 hash = XXHashFactory.fastestJavaInstance().hash64();
    /** Makes collisions a matter of luck to whoever chooses requests. */
    private final long seed = new SecureRandom().nextLong();

    private final RecordRing ring;

    RequestMemo(long capacityBytes) {
        ring = new RecordRing(capacityBytes);
    }

    /** One thread's working memory, and the request that it is about. */
    static final class Scratch {
        private final RecordRing.Cursor cursor = new RecordRing.Cursor();
        private final byte[] facts = new byte[LENGTH];
        private byte[] value = new byte[256];
        private long hash;

        int bytes() {
            return cursor.bytes() + value.length;
        }
    }

    /**
     * Looks for a request.
     *
     * @param head what {@link KeyDeriver#begin} took down, {@code headLength} bytes
     * @param scope goes into the key
     * @param into becomes the request's key if that is known
     */
    boolean find(
            Endpoint endpoint,
            byte[] head,
            int headLength,
            byte[] scope,
            byte[] body,
            int offset,
            int length,
            CacheKey into,
            Scratch scratch) {
        if (length > MAX_BODY) {
            return false;
        }
        long hashed = hash.hash(body, offset, length, hash.hash(head, 0, headLength, seed));
        scratch.hash = hashed;
        RecordRing.Cursor found = scratch.cursor;
        if (!ring.find(hashed, body, offset, length, found) || found.valueLength() != headLength + LENGTH) {
            return false;
        }
        if (scratch.value.length < headLength + LENGTH) {
            scratch.value = new byte[headLength + LENGTH];
        }
        byte[] value = scratch.value;
        if (!found.copy(0, value, 0, headLength + LENGTH)
                || !Arrays.equals(value, 0, headLength, head, 0, headLength)) {
            return false;
        }
        ring.hit(hashed);
        into.set(endpoint, value[headLength + STREAMING] != 0, value, headLength + DIGEST, scope, (long)
                LONG.get(value, headLength + MODEL));
        return true;
    }

    /** Takes the key of a request that was not found just now down, if it comes again and again. */
    void offer(byte[] head, int headLength, byte[] body, int offset, int length, CacheKey key, Scratch scratch) {
        if (length > MAX_BODY || !ring.missed(scratch.hash)) {
            return;
        }
        byte[] facts = scratch.facts;
        key.copyTo(facts, DIGEST);
        LONG.set(facts, MODEL, key.modelTag());
        facts[STREAMING] = (byte) (key.streaming() ? 1 : 0);
        ring.append(scratch.hash, body, offset, length, head, headLength, facts, LENGTH, scratch.cursor);
    }
}
