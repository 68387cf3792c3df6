package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheDirectives;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.replay.Replay;
import java.util.List;
import java.util.Objects;

/**
 * What the header fields of one request ask of the cache, combined with the operator's rules (wire rules W4 to W8, W30,
 * W80 and W81). The constructor reads the fields. Preset and model are known only once the body has been read, and are
 * added then. Immutable.
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
    private final Partition partition;
    private final CacheRules rules;
    private final Endpoint endpoint;
    private final List<String> labels;
    /** The policy that applies whatever the body; null if there is none, or the body decides. */
    private final Policy byHead;

    private final CacheControls alone;

    private final Replay replay;

    /**
     * Each of the first four parameters is the value of a field, or null if the request has none.
     *
     * @param labels see {@link #of(RequestFields, CacheRules, Endpoint, List)}
     */
    RequestedCaching(
            String cache,
            String ttl,
            String clear,
            List<String> cacheControl,
            Partition partition,
            CacheRules rules,
            Endpoint endpoint,
            List<String> labels) {
        this(cache, ttl, clear, cacheControl, partition, Replay.INSTANT, rules, endpoint, labels);
    }

    private RequestedCaching(
            String cache,
            String ttl,
            String clear,
            List<String> cacheControl,
            Partition partition,
            Replay replay,
            CacheRules rules,
            Endpoint endpoint,
            List<String> labels) {
        this.replay = replay;
        this.cache = cache;
        this.ttl = ttl;
        this.clear = clear;
        this.cacheControl = cacheControl;
        this.partition = partition;
        this.rules = rules;
        this.endpoint = endpoint;
        this.labels = labels;
        this.byHead = rules.policies().byHead(endpoint, labels);
        this.alone = controls(null, byHead);
    }

    /**
     * What a request asks for.
     *
     * @param rules the defaults and policies
     * @param labels of the caller, by which policies match it; may be empty
     */
    public static RequestedCaching of(RequestFields fields, CacheRules rules, Endpoint endpoint, List<String> labels) {
        return new RequestedCaching(
                fields.first(CACHE),
                fields.first(TTL),
                fields.first(CLEAR),
                fields.all(CACHE_CONTROL),
                Partition.of(fields),
                Replay.of(fields),
                rules,
                endpoint,
                labels);
    }

    /** What the head alone decides, before the body is taken into account; never null. */
    public CacheControls alone() {
        return alone;
    }

    /** Namespace and sample of the request; never null. */
    public Partition partition() {
        return partition;
    }

    /** The pace at which a stream from the store is to be replayed; never null. */
    public Replay replay() {
        return replay;
    }

    /** Why the request is not cached, if a field is invalid; else null. */
    public BypassReason flaw() {
        return partition.flaw() != null || replay.isValid() ? partition.flaw() : BypassReason.REPLAY;
    }

    /** Whether a hit needs only the key: no sample is picked, and the answer is replayed at once. */
    public boolean isPlain() {
        return partition.samples() == 0 && replay.isInstant();
    }

    /** Whether the body has to be read to find the policy that applies. */
    public boolean needsBody() {
        return byHead == null && rules.policies().needBody();
    }

    /** Whether a policy that depends on the body may turn caching on. */
    public boolean mayTurnOn() {
        return byHead == null && rules.policies().mayTurnOn();
    }

    /** The policy that applies by the head alone; null if none does, or the body decides. */
    public Policy policyByHead() {
        return byHead;
    }

    /**
     * The policy that applies to the request; null if none does.
     *
     * @param models requested models, see {@link Policies#first(Endpoint, List, List, String)}
     * @param preset slug of the preset that is named, or null
     */
    public Policy policy(List<String> models, String preset) {
        return needsBody() ? rules.policies().first(endpoint, labels, models, preset) : byHead;
    }

    /**
     * The decision of the fields, a preset and a policy together; never null.
     *
     * @param preset the preset that the request names, or null if it names none that is known
     * @param policy see {@link #policy}
     */
    public CacheControls with(Preset preset, Policy policy) {
        return preset == null && Objects.equals(policy, byHead) ? alone : controls(preset, policy);
    }

    private CacheControls controls(Preset preset, Policy policy) {
        if (!CachePolicy.isOn(cache, preset, policy, rules.defaults())) {
            return CacheControls.OFF;
        }
        CacheDirectives asked = CacheControlField.parse(cacheControl);
        return new CacheControls(
                true,
                CachePolicy.ttl(ttl, preset, policy, rules.defaults()),
                CachePolicy.says(clear, "true"),
                CachePolicy.directives(asked, policy));
    }

    /** The value of {@code X-OpenRouter-Cache}, the field that turns caching on or off; null if there is none. */
    public String cacheField() {
        return cache;
    }
}
