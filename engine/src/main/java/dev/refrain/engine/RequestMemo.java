package dev.refrain.engine;

import dev.refrain.engine.internal.hot.DirectMemory;
import dev.refrain.engine.internal.hot.RecordRing;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.Predicate;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;

/**
 * The keys of recent requests, so that a request that is repeated byte for byte is neither parsed nor digested again. A
 * fast hash finds the earlier request. Then every byte of both bodies, and of the other parts of the keys, is compared.
 * So a crafted hash collision finds nothing. Only eligible requests are kept. Thread-safe.
 *
 * <p>The key of a ring record is the body as sent. Its value is what {@link KeyDeriver#begin} wrote, then the digest,
 * the model's tag and the streaming mode.
 */
final class RequestMemo {
    /** The longest body that is kept, in bytes. Longer bodies are rare, and would displace many others. */
    private static final int MAX_BODY = 256 << 10;

    private static final int DIGEST = 0;
    private static final int MODEL = DIGEST + CacheKey.LENGTH;
    private static final int STREAMING = MODEL + Long.BYTES;
    private static final int LENGTH = STREAMING + 1;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final XXHash64 hash = XXHashFactory.fastestJavaInstance().hash64();
    /** A random seed, so that nobody can choose requests that collide. */
    private final long seed = new SecureRandom().nextLong();

    private final RecordRing ring;
    private final FailureLog failures =
            new FailureLog("The memo of known requests failed; the request is parsed instead.");

    RequestMemo(long capacityBytes) {
        ring = new RecordRing(capacityBytes, DirectMemory.ofJvm());
    }

    /** One thread's working memory, and the hash of its current request. */
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
     * Looks up the key of a request.
     *
     * @param keys holds what {@link KeyDeriver#begin} has written for the context
     * @param into receives the request's key if it is known
     */
    boolean find(
            KeyContext context,
            KeyDeriver.Scratch keys,
            byte[] body,
            int offset,
            int length,
            KeyBuffer into,
            Scratch scratch) {
        scratch.hash = 0;
        if (length > MAX_BODY) {
            return false;
        }
        try {
            return search(context, keys.head(), body, offset, length, into, scratch);
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            failures.add(e);
            return false;
        }
    }

    private boolean search(
            KeyContext context, KeyBytes begun, byte[] body, int offset, int length, KeyBuffer into, Scratch scratch) {
        byte[] head = begun.array();
        int headLength = begun.length();
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
        into.set(context, value[headLength + STREAMING] != 0, value, headLength + DIGEST, (long)
                LONG.get(value, headLength + MODEL));
        return true;
    }

    /**
     * Admits the key of a request that was not found, if the request was {@link #answered} often enough. Does not count
     * the request itself.
     *
     * @param key gets the hash of the request, by which {@link #answered} counts it
     */
    void offer(KeyBytes head, byte[] body, int offset, int length, KeyBuffer key, Scratch scratch) {
        key.requestHash(scratch.hash);
        if (scratch.hash != 0 && ring.isFrequent(scratch.hash)) {
            try {
                append(head, body, offset, length, key, scratch);
            } catch (RuntimeException | VirtualMachineError | AssertionError e) {
                failures.add(e);
            }
        }
    }

    private void append(KeyBytes head, byte[] body, int offset, int length, KeyBuffer key, Scratch scratch) {
        byte[] facts = scratch.facts;
        System.arraycopy(key.bytes(), 0, facts, DIGEST, CacheKey.LENGTH);
        LONG.set(facts, MODEL, key.modelTag());
        facts[STREAMING] = (byte) (key.streaming() ? 1 : 0);
        ring.append(scratch.hash, body, offset, length, head.array(), head.length(), facts, LENGTH, scratch.cursor);
    }

    /**
     * Counts a request that was answered from the store. A request that was not answered is not counted. So a request
     * that comes only once is not kept, and neither is a request whose answer is not stored.
     *
     * @param requestHash see {@link CacheKey#requestHash()}
     */
    void answered(long requestHash) {
        ring.hit(requestHash);
    }

    /**
     * Wipes all requests whose answers are no longer stored, so that a prompt is kept hardly longer than its answer.
     *
     * @param isStored tells whether an answer is stored, by the digest of its key
     */
    void wipe(Predicate<byte[]> isStored) {
        byte[] digest = new byte[CacheKey.LENGTH];
        ring.wipe((block, keyAt, keyLength, valueAt, valueLength) -> {
            block.get(valueAt + valueLength - LENGTH + DIGEST, digest);
            return !isStored.test(digest);
        });
    }

    /** Wipes all requests and gives their memory back. */
    void close() {
        ring.close();
    }
}
