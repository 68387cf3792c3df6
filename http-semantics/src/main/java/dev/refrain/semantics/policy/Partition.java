package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.semantics.RequestFields;
import java.util.regex.Pattern;

/**
 * Which part of the cache a request is about (wire rule W82). Immutable and thread-safe.
 *
 * @param namespace empty if it names none
 * @param sample which of several answers to the same request, or {@link CacheKey#NO_SAMPLE}
 * @param samples of how many answers one is to be picked; 0 for none. A request that names one of them picks none
 * @param flaw why the request is not cached, because one of the fields makes no sense, or null: to ignore such a field
 *     would answer with, or store among, what the client wants to keep apart
 */
public record Partition(String namespace, int sample, int samples, BypassReason flaw) {
    /** The field that names a namespace. */
    public static final String NAMESPACE = "X-Refrain-Namespace";
    /** The field that says which of several answers is meant. */
    public static final String SAMPLE = "X-Refrain-Sample";
    /** The field that says of how many answers one is to be picked. */
    public static final String SAMPLES = "X-Refrain-Samples";

    /** The most answers of which one is picked. */
    public static final int MOST_SAMPLES = 100;

    /** The request says nothing. */
    public static final Partition NONE = new Partition("", CacheKey.NO_SAMPLE, 0, null);

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** What the fields say. */
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

    /** At most four digits, or -1. */
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
