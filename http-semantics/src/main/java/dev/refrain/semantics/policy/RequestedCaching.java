package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.preset.Preset;
import java.util.List;

/**
 * What the header fields of one request ask of the cache (wire rules W4 to W8 and W30). The fields are read once, when
 * this is made; a preset, which is known only when the body has been read, is taken into account later. Immutable.
 */
public final class RequestedCaching {
    private static final String CACHE = "X-OpenRouter-Cache";
    private static final String TTL = "X-OpenRouter-Cache-TTL";
    private static final String CLEAR = "X-OpenRouter-Cache-Clear";
    private static final String CACHE_CONTROL = "Cache-Control";

    private final String cache;
    private final String ttl;
    private final String clear;
    private final List<String> cacheControl;
    private final CacheControls otherwise;
    private final CacheControls alone;

    /**
     * Each is the value of a field, or null if the request has none.
     *
     * @param otherwise whether caching is on, and the lifetime, where neither fields nor preset say it
     */
    RequestedCaching(String cache, String ttl, String clear, List<String> cacheControl, CacheControls otherwise) {
        this.cache = cache;
        this.ttl = ttl;
        this.clear = clear;
        this.cacheControl = cacheControl;
        this.otherwise = otherwise;
        this.alone = controls(null);
    }

    /** What a request asks for. Caching is off unless it says otherwise. */
    public static RequestedCaching of(RequestFields fields) {
        return of(fields, CacheControls.OFF);
    }

    /**
     * What a request asks for.
     *
     * @param otherwise whether caching is on, and the lifetime, where neither the fields nor a preset say it
     */
    public static RequestedCaching of(RequestFields fields, CacheControls otherwise) {
        return new RequestedCaching(
                fields.first(CACHE), fields.first(TTL), fields.first(CLEAR), fields.all(CACHE_CONTROL), otherwise);
    }

    /** What the fields decide without a preset; never null. */
    public CacheControls alone() {
        return alone;
    }

    /**
     * What the fields and a preset decide together; never null.
     *
     * @param preset the preset that the request names, or null if it names none that is known
     */
    public CacheControls with(Preset preset) {
        return preset == null ? alone : controls(preset);
    }

    private CacheControls controls(Preset preset) {
        if (!CachePolicy.isOn(cache, preset == null ? null : preset.cacheEnabled(), otherwise.enabled())) {
            return CacheControls.OFF;
        }
        return new CacheControls(
                true,
                CachePolicy.ttl(ttl, preset, otherwise.ttl()),
                CachePolicy.says(clear, "true"),
                alone != null && alone.enabled() ? alone.directives() : CacheControlField.parse(cacheControl));
    }

    /** The value of {@code X-OpenRouter-Cache}, the field that turns caching on or off; null if there is none. */
    public String cacheField() {
        return cache;
    }
}
