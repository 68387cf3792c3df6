package dev.refrain.semantics.answer;

import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.semantics.RequestFields;
import java.util.List;

/**
 * The id by which a request is found in the logs of every system that handled it. A client may send one; it is ignored
 * if it is too long or contains anything but visible ASCII. A request without a usable id gets the generation id of its
 * answer if the cache answers it, and a new id otherwise. Stateless.
 */
public final class RequestId {
    /** The field of requests and answers. */
    public static final String FIELD = "X-Request-Id";

    /** Carries the request's id where the provider's answer has an {@code X-Request-Id} of its own. */
    public static final String OWN_FIELD = "X-Refrain-Request-Id";

    private static final int LONGEST = 128;

    private RequestId() {}

    /** The id that a client gave its request; null if there is none, or no usable one. */
    public static String sent(RequestFields fields) {
        List<String> lines = fields.all(FIELD);
        return lines != null && lines.size() == 1 && isWellFormed(lines.get(0)) ? lines.get(0) : null;
    }

    private static boolean isWellFormed(String id) {
        if (id.isEmpty() || id.length() > LONGEST) {
            return false;
        }
        for (int i = 0; i < id.length(); i++) {
            if (id.charAt(i) <= ' ' || id.charAt(i) > '~') {
                return false;
            }
        }
        return true;
    }

    /**
     * A new id: {@code req-<unix seconds>-<20 of [A-Za-z0-9]>}.
     *
     * @param epochSeconds the current time, seconds since the epoch
     */
    public static String make(long epochSeconds) {
        return "req" + GenerationId.mint(epochSeconds).substring(3);
    }

    /** A view of a request's fields in which the given id replaces the id that was sent. */
    public static RequestFields in(RequestFields fields, String id) {
        return fields.with(FIELD, id);
    }
}
