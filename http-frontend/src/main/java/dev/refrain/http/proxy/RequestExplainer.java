package dev.refrain.http.proxy;

import dev.refrain.console.explain.Explainer;
import dev.refrain.console.explain.Explanation;
import dev.refrain.console.explain.Outlines;
import dev.refrain.console.explain.Question;
import dev.refrain.console.explain.Times;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheDirectives;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.KeyParts;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.stats.EntryFacts;
import dev.refrain.http.server.ContentCoding;
import dev.refrain.http.server.HeaderFields;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.policy.CachePolicy;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.Presets;
import io.undertow.util.HeaderMap;
import io.undertow.util.HttpString;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Locale;

/** Says what the proxy would do with a request, by the same {@link Decision}, and what the store has for it. */
final class RequestExplainer implements Explainer {
    private static final String OUTLINES =
            "What is compared are keyed hashes of values, kept in memory; prompts are not kept.";

    private final ResponseCache cache;
    private final Presets presets;
    private final Callers callers;
    private final KeyContexts contexts;
    private final Outlines outlines;

    RequestExplainer(ResponseCache cache, Presets presets, Callers callers, KeyContexts contexts, Outlines outlines) {
        this.cache = cache;
        this.presets = presets;
        this.callers = callers;
        this.contexts = contexts;
        this.outlines = outlines;
    }

    @Override
    public Explanation explain(Question question) {
        byte[] body = question.body().getBytes(StandardCharsets.UTF_8);
        HeaderMap headers = new HeaderMap();
        question.headers().forEach((name, value) -> headers.add(new HttpString(name), value));
        Caller caller = callers.of(new HeaderFields(headers), question.query());
        KeyContext context = contexts.of(question.route(), caller, question.query(), new HeaderFields(headers));
        Decision decision = Decision.of(cache, presets, context, headers, body, body);
        CacheControls controls = decision.controls();
        String off = controls.enabled() ? null : whyOff(headers, decision.preset());
        // The body that is asked about is what is inside the coding.
        BypassReason bypass =
                ContentCoding.of(headers) == ContentCoding.OTHER ? BypassReason.CONTENT_ENCODING : decision.bypass();
        if (bypass != null || decision.flaw() != null) {
            String why = decision.flaw() != null ? decision.flaw().getMessage() : whyNot(bypass);
            return new Explanation(
                    false,
                    bypass == null ? null : bypass.detail(),
                    controls.enabled() ? "on" : "off",
                    why,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null);
        }
        KeyParts parts = cache.admin().keyParts(decision.request()).orElseThrow();
        EntryFacts facts = cache.admin().inspect(parts.key()).orElse(null);
        String obstacle = obstacle(controls, facts);
        boolean answers = facts != null && obstacle == null;
        Near near = answers ? new Near(null, null) : near(parts, body, caller);
        return new Explanation(
                true,
                null,
                off == null ? "on" : "off",
                off != null ? off : answers ? "The entry answers: a hit." : missing(parts, facts, obstacle),
                off == null ? controls.ttl().toSeconds() : null,
                parts.key().digest(),
                Explanation.Parts.of(parts),
                answers ? Explanation.Entry.of(facts) : null,
                near.requests(),
                near.note());
    }

    private static String whyOff(HeaderMap headers, Preset preset) {
        if (preset != null && Boolean.FALSE.equals(preset.cacheEnabled())) {
            return "The preset " + preset.slug() + " turns caching off, and no header can turn it on.";
        }
        String header = headers.getFirst(CachePolicy.CACHE);
        if (header == null) {
            return "Nothing turns caching on: send X-OpenRouter-Cache: true, or use a preset with cache_enabled: true.";
        }
        return header.strip().toLowerCase(Locale.ROOT).equals("false")
                ? "X-OpenRouter-Cache: false turns caching off."
                : "X-OpenRouter-Cache is neither true nor false, and so is ignored.";
    }

    private String whyNot(BypassReason reason) {
        return switch (reason) {
            case PAYLOAD_TOO_LARGE ->
                "The body is longer than limits.cacheable-request allows ("
                        + cache.admin().maxRequestBytes() + " bytes).";
            case NOT_A_JSON_OBJECT -> "The body is not one well-formed JSON object, as it is sent.";
            case BACKGROUND -> "With background: true the answer is a promise, not the answer.";
            case STATEFUL -> "With a conversation the provider goes on from what it has kept, and adds to it.";
            case CONTENT_ENCODING -> "The body has a Content-Encoding other than gzip or zstd, or is not in it.";
            case ANSWER_TOO_LARGE, ANSWER_ENCODED -> "Its answer cannot be stored.";
        };
    }

    /** Why an entry would not answer, or null. */
    private static String obstacle(CacheControls controls, EntryFacts facts) {
        CacheDirectives directives = controls.directives();
        if (controls.enabled() && controls.clear()) {
            return "X-OpenRouter-Cache-Clear drops the stored answer and fetches another one.";
        } else if (controls.enabled() && directives.noCache()) {
            return "Cache-Control: no-cache fetches, whatever is stored.";
        } else if (facts == null) {
            return null;
        } else if (facts.ttlSeconds() <= 0) {
            return "The stored answer expired " + -facts.ttlSeconds() + " s ago.";
        } else if (controls.enabled() && facts.ageSeconds() > directives.maxAgeSeconds()) {
            return "The stored answer is " + facts.ageSeconds() + " s old, more than max-age allows.";
        }
        return null;
    }

    private String missing(KeyParts parts, EntryFacts facts, String obstacle) {
        if (obstacle != null) {
            return obstacle;
        }
        Instant before = facts == null ? outlines.lastStored(parts.key()) : null;
        return before == null
                ? "Nothing is stored under its key."
                : "Nothing is stored under its key any more: the same request was answered at " + Times.iso(before)
                        + ", and that entry expired, was evicted or removed, or was not one to be stored.";
    }

    private record Near(List<Explanation.Nearest> requests, String note) {}

    private Near near(KeyParts parts, byte[] body, Caller caller) {
        if (!outlines.isOn()) {
            return new Near(null, "Nothing is known of earlier requests: explain.requests is 0.");
        }
        try {
            List<Explanation.Nearest> found = outlines.nearest(
                    parts,
                    body,
                    key -> cache.admin()
                            .inspect(key)
                            .filter(facts -> facts.ttlSeconds() > 0)
                            .isPresent());
            String hint = callers.isAnonymous(caller)
                    ? "The request has no API key; it is compared with others that have none. "
                    : "";
            return new Near(
                    found,
                    hint
                            + (found.isEmpty()
                                    ? "No request of this scope and endpoint that was answered lately is like it. "
                                    : "")
                            + OUTLINES);
        } catch (IOException e) {
            return new Near(
                    List.of(), "The request cannot be compared: it is nested too deeply or has odd characters.");
        }
    }
}
