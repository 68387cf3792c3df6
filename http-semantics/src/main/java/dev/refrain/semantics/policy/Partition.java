package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.semantics.RequestFields;
import java.util.regex.Pattern;

/**
 * The namespace and sample of a request, which are parts of its key (wire rule W82). Immutable and thread-safe.
 *
 * @param namespace empty if the request names none
 * @param sample number of the answer among several to the same request, or {@link CacheKey#NO_SAMPLE}
 * @param samples number of answers from which one is picked; 0 to pick none, as for a request that names a sample
 * @param flaw why the request is not cached, if a field is invalid; else null. If an invalid field were ignored, the
 *     request would share answers that the client wants to keep apart
 */
public record Partition(String namespace, int sample, int samples, BypassReason flaw) {
    /** The field that names a namespace. */
    public static final String NAMESPACE = "X-Refrain-Namespace";
    /** The field that names one of several answers. */
    public static final String SAMPLE = "X-Refrain-Sample";
    /** The field that says from how many answers one is to be picked. */
    public static final String SAMPLES = "X-Refrain-Samples";

    /** Limit of {@link #samples}. */
    public static final int MOST_SAMPLES = 100;

    /** The partition of a request without these fields. */
    public static final Partition NONE = new Partition("", CacheKey.NO_SAMPLE, 0, null);

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** Reads the fields. */
    static Partition of(RequestFields fields) {
        String namespace = fields.first(NAMESPACE);
        String sample = fields.first(SAMPLE);
        String samples = fields.first(SAMPLES);
        if (namespace == null && sample == null && samples == null) {
            return NONE;
        }
        String name = namespace == null ? "" : namespace.strip();
        if (namespace != null && !isName(name)) {
            return new Partition("", CacheKey.NO_SAMPLE, 0, BypassReason.NAMESPACE);
        }
        int one = sample == null ? CacheKey.NO_SAMPLE : number(sample);
        int several = samples == null || sample != null ? 0 : number(samples);
        boolean isFlaw = (sample != null && one < 0)
                || (samples != null && sample == null && (several < 1 || several > MOST_SAMPLES));
        return isFlaw
                ? new Partition(name, CacheKey.NO_SAMPLE, 0, BypassReason.SAMPLE)
                : new Partition(name, one, several, null);
    }

    /** Whether a text is the name of a namespace. */
    public static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    /** The number that a field states in one to four digits; -1 for any other value. */
    private static int number(String field) {
        String text = field.strip();
        if (text.isEmpty() || text.length() > 4) {
            return -1;
        }
        int number = 0;
        for (int i = 0; i < text.length(); i++) {
            char digit = text.charAt(i);
            if (digit < '0' || digit > '9') {
                return -1;
            }
            number = number * 10 + digit - '0';
        }
        return number;
    }
}
