package dev.refrain.semantics.decision;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.semantics.policy.RequestTraits;
import dev.refrain.semantics.policy.RequestedCaching;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.Presets;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What a request is to the cache. Decided from what was sent and the settings alone, so that whoever asks why is told
 * what would be done.
 *
 * @param request with its preset applied
 * @param key null if caching is off, or the request not eligible
 * @param bypass why it is not eligible, or null
 * @param preset the one that it names and that is known here, or null
 * @param policy the operator's that holds for it (wire rule W81), or null
 * @param outgoing makes the body that goes to the provider, with its own ids in place of those of hits (wire rule
 *     W26b), when it is wanted, as a hit has no use for it; not to be changed
 * @param flaw why its preset cannot be applied, or null; then nothing is to be done
 */
public record Decision(
        CacheRequest request,
        CacheControls controls,
        CacheKey key,
        BypassReason bypass,
        Preset preset,
        Policy policy,
        Supplier<byte[]> outgoing,
        ProxyException flaw) {

    private static final byte[] NOTHING = new byte[0];

    /**
     * Decides.
     *
     * @param keys {@link ResponseCache#key}, or what knows the request's key already
     * @param context what goes into the key beside the body
     * @param asked of the cache, by the request's header
     * @param coding that {@code sent} is in
     * @param body that the key is made of
     * @param sent the same array, or the body as it came if that is in a
     *     content coding; no preset is applied to it then
     */
    public static Decision of(
            ResponseCache cache,
            Function<CacheRequest, Optional<CacheKey>> keys,
            Presets presets,
            KeyContext context,
            RequestedCaching asked,
            ContentCoding coding,
            byte[] body,
            byte[] sent) {
        CacheRequest request = CacheRequest.of(context, body);
        // Without presets and policies nobody has to know the model, and a hit does not decode it.
        boolean isRead = (!presets.isEmpty() || asked.needsBody()) && request.isJsonObject();
        String slug = isRead ? Presets.slug(request.model(), request.preset()) : null;
        Preset preset = presets.named(slug);
        List<String> models = asked.needsBody() ? models(request, context, isRead) : List.of();
        Policy policy = asked.policy(models, slug);
        CacheControls controls = asked.with(preset, policy);
        if (isMerged(preset)) {
            if (body != sent) {
                BypassReason bypass = BypassReason.CONTENT_ENCODING;
                return new Decision(request, controls, null, bypass, preset, policy, () -> sent, null);
            }
            try {
                byte[] resolved = preset.resolve(context.endpoint(), body);
                request = request.withPreset(preset.fingerprint(), resolved);
                // The preset may have brought the model.
                policy = asked.policy(asked.needsBody() ? models(request, context, true) : models, slug);
                controls = asked.with(preset, policy);
            } catch (IllegalArgumentException e) {
                ProxyException flaw = ProxyException.badRequest(
                        "The preset cannot be applied: the request body is malformed, nested too deeply, or has "
                                + "too many different names.");
                BypassReason bypass = cache.pipeline().bypass(request).orElse(null);
                return new Decision(request, controls, null, bypass, preset, policy, () -> NOTHING, flaw);
            }
        }
        // The key first: a body that was seen lately is not read again for it.
        BypassReason flaw = asked.flaw();
        BypassReason limit = !controls.enabled() || flaw != null ? flaw : limit(policy, request);
        CacheKey key = controls.enabled() && limit == null ? keys.apply(request).orElse(null) : null;
        BypassReason bypass = key == null ? cache.pipeline().bypass(request).orElse(limit) : null;
        if (key != null && asked.partition().samples() > 0) {
            key = cache.pipeline().pickSample(key, asked.partition().samples());
        }
        CacheRequest decided = request;
        boolean isMerged = isMerged(preset);
        Supplier<byte[]> outgoing = () -> {
            CacheRequest understood = cache.pipeline().withProviderIds(decided);
            if (understood == decided && !isMerged) {
                return sent;
            }
            // In the coding that it came in, since the request's header goes on to name that.
            return body == sent ? understood.upstreamBody() : coding.encode(understood.upstreamBody());
        };
        return new Decision(request, controls, key, bypass, preset, policy, outgoing, null);
    }

    /**
     * The models by which policies know a request: as sent, without the preset that is named in one, that of the body
     * that goes to the provider, those of {@code models}, and Azure's deployment.
     *
     * @param isRead whether it is known to be a JSON object
     */
    private static List<String> models(CacheRequest request, KeyContext context, boolean isRead) {
        Set<String> models = new LinkedHashSet<>();
        if (isRead) {
            addModel(request.model(), models);
            addModel(request.upstreamModel(), models);
            request.models().forEach(model -> addModel(model, models));
            request.upstreamModels().forEach(model -> addModel(model, models));
        }
        addModel(context.target(), models);
        return List.copyOf(models);
    }

    private static void addModel(String model, Set<String> models) {
        if (model != null && !model.isEmpty()) {
            models.add(model);
            models.add(Presets.model(model));
        }
    }

    /** Which limit of a policy a request exceeds; null if there is none. */
    private static BypassReason limit(Policy policy, CacheRequest request) {
        return policy == null || !policy.hasLimits()
                ? null
                : policy.exceededBy(RequestTraits.of(request.endpoint(), request.upstreamInput()));
    }

    /** Name of the policy that holds for the request; null if none does. */
    public String policyName() {
        return policy == null ? null : policy.name();
    }

    /** Whether a preset has been merged into the body. */
    public boolean isMerged() {
        return isMerged(preset);
    }

    private static boolean isMerged(Preset preset) {
        return preset != null && !preset.isPolicyOnly();
    }

    /** The same with the body that goes to the provider made now, and not on the thread that sends it. */
    public Decision prepared() {
        byte[] made = outgoing.get();
        return new Decision(request, controls, key, bypass, preset, policy, () -> made, flaw);
    }
}
