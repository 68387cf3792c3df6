package dev.refrain.engine;

import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.SharedTier;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Predicate;

/**
 * Remembers the removals made on any machine, and their times. Each removal is a barrier: an answer that it covers must
 * not be used any more if its fetch began before the removal. The name of a barrier is a letter for its kind, followed
 * by the digest or tag that it covers. Thread-safe.
 *
 * <p>Barriers for scopes, models, namespaces and everything are remembered for good, since the tier still has the
 * entries that they bar. A barrier for a key is remembered for at least a minute. By then every call that was under way
 * when it was raised is over, and the tier itself has deleted the entry.
 */
final class SharedBarriers {
    static final char ALL = 'A';
    static final char SCOPE = 'S';
    static final char MODEL = 'M';
    static final char NAMESPACE = 'N';
    static final char KEY = 'K';
    /**
     * A key that was removed on this machine. Its flights here were superseded, so the barrier applies only to answers
     * of the tier.
     */
    private static final char OWN_KEY = 'k';
    /** The beginning of a key's digest, as operators see it. */
    static final char DIGEST = 'D';

    /**
     * At most this many names are remembered as they are, some 2 MiB. If there are more, all barriers for keys become
     * one barrier for every answer that is under way. That is enough for them, since the tier has deleted the entries
     * that they bar, and clients can raise any number of them. If there are still more names, all are remembered by
     * their hashes only. Then 10,000 names bar about a sixth of the older entries needlessly, which costs hits.
     */
    static final int MAX_NAMES = 10_000;

    /** Number of slots for the times of hashed names: 2 MiB. */
    private static final int PLACES = 1 << 18;

    private static final long KEYS_FOR_MICROS = TimeUnit.MINUTES.toMicros(1);
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();
    private static final int KEY_LENGTH = 44;
    private static final int OWN_BYTES = 6;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** The suffix in the names of this process's barriers for keys. */
    private final String own = own();

    private final Map<String, Long> latest = new ConcurrentHashMap<>();
    private volatile long all;
    /** For each slot, the latest time of the names that hash to it; null while names are few. */
    private volatile AtomicLongArray hashed;

    /**
     * The time of the barrier that replaced the barriers for keys when there were too many of them. Answers that were
     * under way then are barred.
     */
    private volatile long keys;

    private volatile long complete;
    /**
     * Keys that this machine is removing from the tier, with the number of removals under way. The tier has not yet
     * told the times of these removals.
     */
    private final Map<String, Integer> removing = new ConcurrentHashMap<>();

    private static String own() {
        byte[] random = new byte[OWN_BYTES];
        RANDOM.nextBytes(random);
        return BASE64.encodeToString(random);
    }

    private final int maxNames;
    private final int places;

    SharedBarriers() {
        this(MAX_NAMES, PLACES);
    }

    /**
     * With other bounds, for tests.
     *
     * @param maxNames how many names are remembered as they are
     * @param places number of slots for hashed names, a power of two
     */
    SharedBarriers(int maxNames, int places) {
        this.maxNames = maxNames;
        this.places = places;
    }

    // ---- names

    static String all() {
        return String.valueOf(ALL);
    }

    /** @param tag 12 hexadecimal digits, see {@link CacheKey#scope} */
    static String scope(String tag) {
        return SCOPE + tag;
    }

    static String model(long tag) {
        return MODEL + HexFormat.of().toHexDigits(tag);
    }

    /** @param tag see {@link Namespaces#tag} */
    static String namespace(int tag) {
        return NAMESPACE + HexFormat.of().toHexDigits(tag);
    }

    /**
     * The name of a barrier for a key that this process raises. The process recognises it when the tier announces it,
     * and does not remove what it has fetched since.
     */
    String keyOfOurs(CacheKey key) {
        return key(key) + own;
    }

    /**
     * Whether a name is that of a barrier for a key that this process has raised. Such a barrier has already taken
     * effect on this machine.
     */
    boolean isOurs(String name) {
        return name.length() > KEY_LENGTH && name.startsWith(own, KEY_LENGTH);
    }

    private static String key(CacheKey key) {
        byte[] digest = new byte[CacheKey.LENGTH];
        key.copyTo(digest, 0);
        return KEY + BASE64.encodeToString(digest);
    }

    /** @param beginning 12 hexadecimal digits or more */
    static String digest(String beginning) {
        return DIGEST + beginning.substring(0, 12);
    }

    static byte[] bytes(String name) {
        return name.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The name in a notice. Null if it is malformed: others can write to the tier, too. */
    static String name(byte[] bytes) {
        String name = new String(bytes, StandardCharsets.ISO_8859_1);
        boolean known = bytes.length <= SharedTier.MAX_BARRIER_LENGTH
                && name.matches("A|[SD][0-9a-f]{12}|M[0-9a-f]{16}|N[0-9a-f]{8}|K[A-Za-z0-9_-]{51}");
        return known ? name : null;
    }

    /** The digest in the name of a barrier for a key; null if it is malformed. */
    static byte[] keyOf(String name) {
        try {
            byte[] digest = Base64.getUrlDecoder().decode(name.substring(1, KEY_LENGTH));
            return digest.length == CacheKey.LENGTH ? digest : null;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** Tests whether barriers for scopes, models and namespaces cover an entry, by the entry's head. */
    static Predicate<byte[]> heads(Set<String> names) {
        Set<Integer> models = new HashSet<>();
        Set<Integer> namespaces = new HashSet<>();
        for (String name : names) {
            if (name.charAt(0) == MODEL) {
                models.add((int) (HexFormat.fromHexDigitsToLong(name, 1, name.length()) >>> 32));
            } else if (name.charAt(0) == NAMESPACE) {
                namespaces.add(HexFormat.fromHexDigits(name, 1, name.length()));
            }
        }
        return head -> {
            long label = EntryHead.model(head);
            return models.contains((int) (label >>> 32))
                    || namespaces.contains((int) label)
                    || names.contains(scope(CacheKey.hexTag(EntryHead.scope(head))));
        };
    }

    // ---- what holds

    /** Remembers a barrier. */
    synchronized void raised(String name, long micros) {
        if (name.charAt(0) == ALL) {
            all = Math.max(all, micros);
            return;
        }
        latest.merge(remembered(name), micros, Math::max);
        if (latest.size() > maxNames) {
            latest.entrySet().removeIf(old -> isOfAKey(old.getKey()) && old.getValue() < micros - KEYS_FOR_MICROS);
        }
        if (latest.size() > maxNames) {
            latest.forEach((old, at) -> keys = isOfAKey(old) ? Math.max(keys, at) : keys);
            latest.keySet().removeIf(SharedBarriers::isOfAKey);
        }
        if (latest.size() > maxNames) {
            rememberByHash();
        }
    }

    private void rememberByHash() {
        AtomicLongArray times = hashed == null ? new AtomicLongArray(places) : hashed;
        latest.forEach((name, at) -> times.accumulateAndGet(place(name), at, Math::max));
        // Published before the names are forgotten, so that a reader finds one or the other.
        hashed = times;
        latest.clear();
    }

    /** The slot of a name. Names consist of digests and tags, so a client cannot choose names that collide. */
    private int place(String name) {
        int hash = name.hashCode() * 0x9E3779B9;
        return (hash ^ hash >>> 16) & (places - 1);
    }

    private String remembered(String name) {
        if (name.charAt(0) != KEY) {
            return name;
        }
        String key = name.substring(0, KEY_LENGTH);
        return isOurs(name) ? own(key) : key;
    }

    private static String own(String key) {
        return OWN_KEY + key.substring(1);
    }

    private static boolean isOfAKey(String remembered) {
        return remembered.charAt(0) == KEY || remembered.charAt(0) == OWN_KEY;
    }

    /** How many names are remembered. For tests. */
    int size() {
        return latest.size();
    }

    /**
     * Notes that a removal begins. Until the tier has told its time, no entry that the tier has for the key is used.
     */
    void removing(CacheKey key) {
        removing.merge(own(key(key)), 1, Integer::sum);
    }

    /** Notes the time of a removal, or an upper bound of that time if the tier could not be told of the removal yet. */
    void removed(CacheKey key, long micros) {
        raised(keyOfOurs(key), micros);
        removing.computeIfPresent(own(key(key)), (name, often) -> often == 1 ? null : often - 1);
    }

    private boolean isBeingRemoved(CacheKey key) {
        return !removing.isEmpty() && removing.containsKey(own(key(key)));
    }

    /** Notes that the tier may lack barriers from before this time, so that no older answer of the tier is used. */
    synchronized void completeSince(long micros) {
        complete = Math.max(complete, micros);
    }

    /**
     * Whether an answer of the tier must not be used, because of a barrier, or because a barrier may be missing.
     *
     * @param askedMicros when the tier was asked for it
     */
    boolean barsShared(CacheKey key, long startedMicros, long askedMicros) {
        return startedMicros < complete
                || askedMicros <= keys
                || isBeingRemoved(key)
                || isBarred(key, startedMicros)
                || isRaised(own(key(key)), startedMicros);
    }

    /** Whether an answer whose fetch began here at that time must not be used. */
    boolean bars(CacheKey key, long startedMicros) {
        return startedMicros <= keys || isBarred(key, startedMicros);
    }

    private boolean isBarred(CacheKey key, long startedMicros) {
        if (startedMicros <= all) {
            return true;
        }
        return (!latest.isEmpty() || hashed != null)
                && (isRaised(scope(key.scope()), startedMicros)
                        || isRaised(model(key.modelTag()), startedMicros)
                        || (key.namespace() != null
                                && isRaised(namespace(Namespaces.tag(key.namespace())), startedMicros))
                        || isRaised(key(key), startedMicros)
                        || isRaised(digest(key.shortDigest()), startedMicros));
    }

    private boolean isRaised(String name, long startedMicros) {
        Long at = latest.get(name);
        if (at != null && startedMicros <= at) {
            return true;
        }
        AtomicLongArray times = hashed;
        return times != null && !isOfAKey(name) && startedMicros <= times.get(place(name));
    }
}
