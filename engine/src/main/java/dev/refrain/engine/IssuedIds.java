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
 * <p>A client refers to an earlier answer by the id that it received. The id of a hit was never issued by the provider.
 * So each answer of an endpoint with such references has a note in the store. The note holds the provider's id, under a
 * digest of the scope and the answer's tag. A hit writes nothing, because its id contains the tag ({@link HitIds}).
 * Notes outlive their answers. For eviction, a note has its answer's cost but is much smaller, so it is evicted long
 * after the answer. Thread-safe.
 */
final class IssuedIds {
    /**
     * OpenAI keeps a response for this long. A note lives this long after its entry expires, because the last hit may
     * come just before that.
     */
    static final long LIFETIME_MILLIS = Duration.ofDays(30).toMillis();

    /** The longest life of a note, in milliseconds. */
    static final long LONGEST_MILLIS = CacheControls.MAX_TTL.toMillis() + LIFETIME_MILLIS;

    /** Stands for an unknown scope in digests. */
    private static final byte[] NO_SCOPE = new byte[Long.BYTES];

    private static final int MAX_ID_LENGTH = 256;

    /** The longest note in bytes; UTF-8 takes up to three bytes for each {@code char} of an id. */
    static final int MAX_NOTE_LENGTH = EntryHead.LENGTH + 3 * MAX_ID_LENGTH;

    private static final byte[] LABEL = "refrain issued id".getBytes(StandardCharsets.US_ASCII);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final Notes notes;
    private final HitIds hits;
    private final Clock clock;

    /** @param secret under which ids of hits are made and recognised */
    IssuedIds(Notes notes, byte[] secret, Clock clock) {
        this.notes = notes;
        this.hits = new HitIds(secret);
        this.clock = clock;
    }

    HitIds hits() {
        return hits;
    }

    /** Whether later requests to this endpoint can refer to an answer by its id. */
    static boolean canBeGivenBack(Endpoint endpoint) {
        return endpoint == Endpoint.RESPONSES || endpoint == Endpoint.MESSAGES;
    }

    /**
     * Stores the note that maps all ids with a tag to the provider's id.
     *
     * @param key of the answer
     * @param providerId the provider's id of the answer; null if it has none
     * @param expiresAt of the answer, milliseconds since the epoch
     * @param tokens what the answer cost; 0 if not known
     * @param fetchMillis how long fetching the answer took; 0 if not known
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
     * Stores the note for an answer that another machine has fetched.
     *
     * @param entry of the answer; must be intact
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

    /** The provider's id behind an id that this cache made for the same scope; null if it is not known. */
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

    /** The digest under which the note of an id is stored. The id must have the form of a hit's id. */
    byte[] digestOf(CacheScope scope, String id) {
        return digest(scope, hits.tag(id));
    }

    /** The note with a digest, unsealed, expired or not; null if there is none. */
    EntryBuffer note(CacheScope scope, byte[] digest) {
        return notes.get(scope, digest, MAX_NOTE_LENGTH, LONGEST_MILLIS);
    }

    /** How long a note has left to live, in milliseconds; not positive if it has expired. */
    long lifeLeft(EntryBuffer note) {
        return EntryHead.expiresAt(note.bytes()) - clock.millis();
    }

    /** Stores a genuine note that another machine has made. */
    void keep(CacheScope scope, byte[] digest, EntryBuffer note) {
        notes.put(scope, digest, note);
    }

    /**
     * The id by which a request names an earlier answer, if it has the form of a hit's id but is not known here; else
     * null. Another machine may have made such an id.
     *
     * @param body the body of a request, eligible or not
     */
    String unknown(CacheScope scope, Endpoint endpoint, RequestScan body) {
        String id = maybeOurs(endpoint, body);
        return id == null || find(scope, id) != null ? null : id;
    }

    /** The id by which a request names an earlier answer, if it has the form of a hit's id; else null. */
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
