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
 * The cache's decision about a request. It depends on the request and the settings alone, so an explanation of a
 * request reports exactly what would be done.
 *
 * @param request with its preset applied
 * @param key null if caching is off, or the request is not eligible
 * @param bypass why the request is not eligible, or null
 * @param preset the local preset that the request names, or null
 * @param policy the operator's policy that applies to the request (wire rule W81), or null
 * @param outgoing makes the body for the provider, with the provider's ids in place of those of hits (wire rule W26b).
 *     Made on demand, since a hit has no use for it; must not be changed
 * @param flaw why the preset cannot be applied, or null. With a flaw, the request is refused
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
     * Decides about a request.
     *
     * @param keys makes the key, as {@link ResponseCache#key} does, or returns one that is known already
     * @param context what goes into the key beside the body
     * @param asked what the request's header asks of the cache
     * @param coding content coding of {@code sent}
     * @param body the body from which the key is made
     * @param sent the body as it was sent: the same array, unless it has a content coding, which rules out presets
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
        // Without presets and policies the model does not matter, and a hit need not decode it.
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
        // The key comes before the check for a bypass, since for a body that was seen lately it is known without
        // another scan.
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
            // In the content coding that the request was sent in, since the forwarded header still names it.
            return body == sent ? understood.upstreamBody() : coding.encode(understood.upstreamBody());
        };
        return new Decision(request, controls, key, bypass, preset, policy, outgoing, null);
    }

    /**
     * The names by which policies know a request's model: the model in the body as sent and in the body for the
     * provider, those in the list {@code models} of both bodies, and Azure's deployment. Each is added without the
     * preset in it, too.
     *
     * @param isRead whether the body is known to be a JSON object
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

    /** Which limit of a policy a request exceeds; null if it exceeds none. */
    private static BypassReason limit(Policy policy, CacheRequest request) {
        return policy == null || !policy.hasLimits()
                ? null
                : policy.exceededBy(RequestTraits.of(request.endpoint(), request.upstreamInput()));
    }

    /** Name of the policy that applies to the request; null if none does. */
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

    /**
     * The same decision, with the body for the provider made now, on this thread, and not later on the sending thread.
     */
    public Decision prepared() {
        byte[] made = outgoing.get();
        return new Decision(request, controls, key, bypass, preset, policy, () -> made, flaw);
    }
}
