package dev.refrain.engine.internal.ids;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Ids of hits, in which whoever knows the installation's secret finds the tag of the answer that was repeated.
 *
 * <p>The first half of an id is random. The second is the tag plus a number that a keyed function makes of the first
 * half, modulo what ten characters can hold: a stream cipher with the first half as its nonce. To everybody else both
 * halves look random, two ids of one answer have nothing in common, and an id that was altered names an answer that
 * does not exist. Immutable.
 */
public final class HitIds {
    private final SipHash mask;

    /** @param secret the installation's */
    public HitIds(byte[] secret) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            mask = new SipHash(mac.doFinal("refrain hit ids".getBytes(StandardCharsets.US_ASCII)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    /** A tag for an answer that is being fetched. */
    public static long newTag() {
        return IdRandom.shared().next();
    }

    /**
     * Writes a new id over the first {@link IdFormat#LENGTH} bytes of {@code target}.
     *
     * @param tag of the answer; from a damaged entry it may be any number
     */
    public void write(long epochSeconds, long tag, IdRandom random, byte[] target) {
        long nonce = random.next();
        long masked = (tag & Long.MAX_VALUE) % IdFormat.HALF + mask(nonce);
        IdFormat.write(epochSeconds, nonce, masked < IdFormat.HALF ? masked : masked - IdFormat.HALF, target);
    }

    /** The tag that an id was written with; a number that means nothing if it was not. */
    public long tag(String id) {
        return Math.floorMod(IdFormat.second(id) - mask(IdFormat.first(id)), IdFormat.HALF);
    }

    private long mask(long nonce) {
        return (mask.of(nonce) >>> 1) % IdFormat.HALF;
    }
}
