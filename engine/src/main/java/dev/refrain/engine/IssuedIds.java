package dev.refrain.engine;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.ids.HitIds;
import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.internal.request.PreviousId;
import dev.refrain.engine.internal.request.RequestScan;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;

/**
 * Maps the ids of hits to the provider's ids (wire rule W26b).
 *
 * <p>A client refers to an earlier answer by the id that it received, which for a hit the provider never issued. So
 * each answer of an endpoint with such references has a note in the store: under a digest of the scope and the answer's
 * tag, it holds the provider's id. A hit writes nothing, because its id contains the tag ({@link HitIds}). Notes
 * outlive their answers. They have an answer's cost but hardly any size, so they are evicted long after it.
 * Thread-safe.
 */
final class IssuedIds {
    /**
     * OpenAI keeps a response for this long. It is counted from the end of the entry's lifetime, because the last hit
     * may come then.
     */
    static final long LIFETIME_MILLIS = Duration.ofDays(30).toMillis();

    /** How long a note lives at most. */
    static final long LONGEST_MILLIS = CacheControls.MAX_TTL.toMillis() + LIFETIME_MILLIS;

    /** Stands for the scope of a key that does not know it. */
    private static final byte[] NO_SCOPE = new byte[Long.BYTES];

    private static final int MAX_ID_LENGTH = 256;

    /** The longest note in bytes; an id may have three bytes for a character. */
    static final int MAX_NOTE_LENGTH = EntryHead.LENGTH + 3 * MAX_ID_LENGTH;

    private static final byte[] LABEL = "refrain issued id".getBytes(StandardCharsets.US_ASCII);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final Notes notes;
    private final HitIds hits;
    private final Clock clock;

    /** @param secret by which ids of hits are made, and known again */
    IssuedIds(Notes notes, byte[] secret, Clock clock) {
        this.notes = notes;
        this.hits = new HitIds(secret);
        this.clock = clock;
    }

    HitIds hits() {
        return hits;
    }

    /** Whether answers of an endpoint may be named by their ids. */
    static boolean canBeGivenBack(Endpoint endpoint) {
        return endpoint == Endpoint.RESPONSES || endpoint == Endpoint.MESSAGES;
    }

    /**
     * Stores which provider id the ids with a tag stand for.
     *
     * @param key of the answer
     * @param providerId the answer's own id, or null if it has none that could be given back
     * @param expiresAt of the answer, milliseconds since the epoch
     * @param tokens what the answer cost, 0 if not known
     * @param fetchMillis likewise
     */
    void note(CacheKey key, long tag, String providerId, long expiresAt, long tokens, long fetchMillis) {
        if (providerId == null || providerId.length() > MAX_ID_LENGTH || !canBeGivenBack(key.endpoint())) {
            return;
        }
        byte[] id = providerId.getBytes(StandardCharsets.UTF_8);
        EntryBuffer note = new EntryBuffer(EntryHead.LENGTH + id.length);
        byte[] bytes = note.resize(EntryHead.LENGTH + id.length);
        LONG.set(bytes, EntryHead.STORED_AT, clock.millis());
        LONG.set(bytes, EntryHead.EXPIRES_AT, expiresAt + LIFETIME_MILLIS);
        INT.set(bytes, EntryHead.TOKENS, (int) Math.min(Integer.MAX_VALUE, Math.max(0, tokens)));
        INT.set(bytes, EntryHead.FETCH_MILLIS, (int) Math.min(Integer.MAX_VALUE, Math.max(0, fetchMillis)));
        LONG.set(bytes, EntryHead.SCOPE, key.scopeTag());
        System.arraycopy(id, 0, bytes, EntryHead.LENGTH, id.length);
        notes.put(key.knownScope(), digest(key.knownScope(), tag), note);
    }

    /**
     * Stores which provider id the ids of an answer stand for that another machine has fetched.
     *
     * @param entry of the answer, intact
     */
    void noteShared(CacheKey key, byte[] entry, String providerId) {
        note(
                key,
                EntryCodec.tag(entry),
                providerId,
                EntryHead.expiresAt(entry),
                EntryHead.tokens(entry),
                EntryCodec.fetchMillis(entry));
    }

    /**
     * The provider's id behind one that was made here for the same scope, or null.
     */
    String find(CacheScope scope, String id) {
        if (!IdFormat.isOne(id)) {
            return null;
        }
        EntryBuffer note = note(scope, digestOf(scope, id));
        if (note == null || lifeLeft(note) <= 0) {
            return null;
        }
        return new String(note.bytes(), EntryHead.LENGTH, note.length() - EntryHead.LENGTH, StandardCharsets.UTF_8);
    }

    /** The digest of the note that an id of the form of ours would have. */
    byte[] digestOf(CacheScope scope, String id) {
        return digest(scope, hits.tag(id));
    }

    /** The note with a digest, opened, expired or not; null if there is none. */
    EntryBuffer note(CacheScope scope, byte[] digest) {
        return notes.get(scope, digest, MAX_NOTE_LENGTH, LONGEST_MILLIS);
    }

    /** How long a note is good for, in milliseconds; not positive if it has expired. */
    long lifeLeft(EntryBuffer note) {
        return EntryHead.expiresAt(note.bytes()) - clock.millis();
    }

    /** Stores a note of another machine, intact. */
    void keep(CacheScope scope, byte[] digest, EntryBuffer note) {
        notes.put(scope, digest, note);
    }

    /**
     * The earlier answer that a request names by an id that may be one that was made here, or on another machine, but
     * that this machine does not know; null if there is none.
     *
     * @param body the body of a request, eligible or not
     */
    String unknown(CacheScope scope, Endpoint endpoint, RequestScan body) {
        String id = maybeOurs(endpoint, body);
        return id == null || find(scope, id) != null ? null : id;
    }

    /** The id in a request that has the form of ours, or null. */
    String maybeOurs(Endpoint endpoint, RequestScan body) {
        PreviousId previous = canBeGivenBack(endpoint) ? PreviousId.of(endpoint, body) : null;
        return previous == null || !IdFormat.isOne(previous.id()) ? null : previous.id();
    }

    /**
     * A request's body with the provider's id in place of one that this cache made; null if there is no such id in it.
     *
     * @param body the body of a request, eligible or not
     */
    byte[] restored(CacheScope scope, Endpoint endpoint, RequestScan body) {
        PreviousId previous = canBeGivenBack(endpoint) ? PreviousId.of(endpoint, body) : null;
        String providerId = previous == null ? null : find(scope, previous.id());
        if (providerId == null) {
            return null;
        }
        return previous.replacedBy(JsonStringEncoder.getInstance().quoteAsUTF8(providerId));
    }

    /** @param scope null if it is not known */
    static byte[] digest(CacheScope scope, long tag) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            sha256.update(LABEL);
            byte[] tagged = new byte[Long.BYTES];
            LONG.set(tagged, 0, tag);
            sha256.update(tagged);
            return sha256.digest(scope == null ? NO_SCOPE : scope.bytes());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
