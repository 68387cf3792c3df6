package dev.refrain.engine.internal.ids;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Makes ids of hits. The id holds the tag of the replayed answer, which only the installation's secret reveals.
 *
 * <p>The first half of an id is random. The second half is the tag plus a keyed function of the first half, modulo
 * the number of values of ten characters. This is a stream cipher with the first half as its nonce. Without the
 * secret, both halves look random, and two ids of one answer have nothing in common. An altered id holds a tag that
 * no answer has. Immutable.
 */
public final class HitIds {
    private final SipHash mask;

    /** @param secret the installation's secret */
    public HitIds(byte[] secret) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            mask = new SipHash(mac.doFinal("refrain hit ids".getBytes(StandardCharsets.US_ASCII)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    /** A random tag for an answer that is being fetched. */
    public static long newTag() {
        return IdRandom.shared().next();
    }

    /**
     * Writes a new id over the first {@link IdFormat#LENGTH} bytes of {@code target}.
     *
     * @param tag tag of the answer; may be any number, as from a damaged entry
     */
    public void write(long epochSeconds, long tag, IdRandom random, byte[] target) {
        long nonce = random.next();
        long masked = (tag & Long.MAX_VALUE) % IdFormat.HALF + mask(nonce);
        IdFormat.write(epochSeconds, nonce, masked < IdFormat.HALF ? masked : masked - IdFormat.HALF, target);
    }

    /** The tag in an id that was written with this secret; a meaningless number for any other id. */
    public long tag(String id) {
        return Math.floorMod(IdFormat.second(id) - mask(IdFormat.first(id)), IdFormat.HALF);
    }

    private long mask(long nonce) {
        return (mask.of(nonce) >>> 1) % IdFormat.HALF;
    }
}
