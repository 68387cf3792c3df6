package dev.refrain.http.proxy;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.http.server.ContentCoding;
import dev.refrain.http.server.HeaderFields;
import dev.refrain.http.upstream.HeldBody;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.policy.CachePolicy;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.Presets;
import io.undertow.util.HeaderMap;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * What a request is to the cache. Decided from what was sent and the settings alone, so that whoever asks why is told
 * what would be done.
 *
 * @param request with its preset applied
 * @param key null if caching is off, or the request not eligible
 * @param bypass why it is not eligible, or null
 * @param preset the one that it names and that is known here, or null
 * @param outgoing the body that goes to the provider, with its own ids in place of those of hits (wire rule W26b); made
 *     when it is wanted, as a hit has no use for it
 * @param flaw why its preset cannot be applied, or null; then nothing is to be done
 */
record Decision(
        CacheRequest request,
        CacheControls controls,
        CacheKey key,
        BypassReason bypass,
        Preset preset,
        Supplier<BodyPublisher> outgoing,
        ProxyException flaw) {

    /**
     * Decides.
     *
     * @param body that the key is made of
     * @param sent the same array, or the body as it came if that is in a
     *     content coding; no preset is applied to it then
     */
    static Decision of(
            ResponseCache cache, Presets presets, KeyContext context, HeaderMap headers, byte[] body, byte[] sent) {
        Endpoint endpoint = context.endpoint();
        CacheRequest request = CacheRequest.of(context, body);
        // Without presets nobody has to know the model, and a hit does not decode it.
        Preset preset = !presets.isEmpty() && request.isJsonObject()
                ? presets.find(request.model(), request.preset()).orElse(null)
                : null;
        CacheControls controls = controls(headers, preset);
        if (preset != null && !preset.isPolicyOnly()) {
            if (body != sent) {
                return new Decision(
                        request, controls, null, BypassReason.CONTENT_ENCODING, preset, () -> new HeldBody(sent), null);
            }
            try {
                byte[] resolved = preset.resolve(endpoint, body);
                request = request.withPreset(preset.fingerprint(), resolved);
            } catch (IllegalArgumentException e) {
                ProxyException flaw = ProxyException.badRequest(
                        "The preset cannot be applied: the request body is malformed, nested too deeply, or has "
                                + "too many different names.");
                BypassReason bypass = cache.pipeline().bypass(request).orElse(null);
                return new Decision(request, controls, null, bypass, preset, BodyPublishers::noBody, flaw);
            }
        }
        // The key first: a body that was seen lately is not read again for it.
        CacheKey key = controls.enabled() ? cache.key(request).orElse(null) : null;
        BypassReason bypass = key == null ? cache.pipeline().bypass(request).orElse(null) : null;
        CacheRequest decided = request;
        Supplier<BodyPublisher> outgoing = () -> {
            CacheRequest understood = cache.pipeline().withProviderIds(decided);
            if (body == sent) {
                return new HeldBody(understood.upstreamBody());
            }
            // In the coding that its header goes on to name.
            return new HeldBody(
                    Arrays.equals(understood.upstreamBody(), body)
                            ? sent
                            : ContentCoding.of(headers).encode(understood.upstreamBody()));
        };
        return new Decision(request, controls, key, bypass, preset, outgoing, null);
    }

    /** The same with the body that goes to the provider made now, and not on the thread that sends it. */
    Decision prepared() {
        BodyPublisher made = outgoing.get();
        return new Decision(request, controls, key, bypass, preset, () -> made, flaw);
    }

    static CacheControls controls(HeaderMap headers, Preset preset) {
        return CachePolicy.decide(new HeaderFields(headers), preset);
    }
}
