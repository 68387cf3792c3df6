package dev.refrain.semantics.answer;

import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.semantics.RequestFields;
import java.util.List;

/**
 * The id of a request, by which it is found in the logs of all who have seen it. A client may give one; what is too
 * long, or has anything but visible ASCII in it, is none. A request without one has the generation id of its answer,
 * if the cache answers it, and one that is made here otherwise. Stateless.
 */
public final class RequestId {
    /** The field of requests and answers. */
    public static final String FIELD = "X-Request-Id";

    /** The field of an answer whose provider has used the other one for an id of its own. */
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
     * A new one: {@code req-<unix seconds>-<20 of [A-Za-z0-9]>}.
     *
     * @param epochSeconds the current time, seconds since the epoch
     */
    public static String make(long epochSeconds) {
        return "req" + GenerationId.mint(epochSeconds).substring(3);
    }

    /** The fields of a request with this id in place of what was sent. */
    public static RequestFields in(RequestFields fields, String id) {
        return fields.with(FIELD, id);
    }
}
