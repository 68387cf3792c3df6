package dev.refrain.console.explain;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheDirectives;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.KeyParts;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.stats.EntryFacts;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.client.ClientKeys;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.items.ItemByItem;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.policy.Partition;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.semantics.policy.RequestedCaching;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.Presets;
import dev.refrain.semantics.route.Route;
import dev.refrain.semantics.ruleset.Ruleset;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Says what the cache would do with a request: makes the {@link Decision} that a front-end would make, and looks for
 * its entry. Counts neither lookup nor hit. Thread-safe.
 */
public final class Explainer {
    private static final String OUTLINES =
            "Requests that this process fetched are compared, by keyed hashes of values; prompts are not kept.";

    private final ResponseCache cache;
    private final Supplier<Ruleset> rulesets;
    private final Naming naming;
    private final Function<Endpoint, String> upstreams;
    private final Outlines outlines;
    /** Whether the front-end is a program's, which has options instead of settings. */
    private final boolean isProgram;

    /** Derives what goes into a key beside the body. */
    private interface Naming {
        default RequestFields fields(RequestFields sent) {
            return sent;
        }

        Caller caller(Callers callers, RequestFields sent, String query);

        KeyContext context(
                Route route, String upstream, Caller who, String query, Partition partition, RequestFields fields);
    }

    private record OfProxy(KeyContexts contexts) implements Naming {
        @Override
        public Caller caller(Callers callers, RequestFields sent, String query) {
            return callers.of(sent, query);
        }

        @Override
        public KeyContext context(
                Route route, String upstream, Caller who, String query, Partition partition, RequestFields fields) {
            return contexts.of(route, upstream, who, query, partition, fields);
        }
    }

    private record OfProgram(ClientKeys keys) implements Naming {
        @Override
        public RequestFields fields(RequestFields sent) {
            return keys.fields(sent);
        }

        @Override
        public Caller caller(Callers callers, RequestFields sent, String query) {
            return keys.caller(sent, query);
        }

        @Override
        public KeyContext context(
                Route route, String upstream, Caller who, String query, Partition partition, RequestFields fields) {
            return keys.context(route, upstream, who, query, partition, fields);
        }
    }

    /**
     * An explainer for a proxy that uses the same objects.
     *
     * @param rulesets supplies the ruleset in force
     * @param upstreams names of the endpoints' providers, which stay the same over restarts
     * @param outlines of the requests whose answers the proxy has fetched
     */
    public Explainer(
            ResponseCache cache,
            Supplier<Ruleset> rulesets,
            KeyContexts contexts,
            Function<Endpoint, String> upstreams,
            Outlines outlines) {
        this(cache, rulesets, new OfProxy(contexts), upstreams, outlines, false);
    }

    /**
     * An explainer for a front-end inside a program. The options provide defaults for what a request does not say.
     *
     * @param options of the front-end
     * @param upstreams base URLs of the endpoints' providers, for endpoints whose provider the options do not name
     */
    public Explainer(
            ResponseCache cache, RefrainOptions options, Function<Endpoint, String> upstreams, Outlines outlines) {
        this(cache, options, new ClientKeys(cache, options), upstreams, outlines);
    }

    private Explainer(
            ResponseCache cache,
            RefrainOptions options,
            ClientKeys keys,
            Function<Endpoint, String> upstreams,
            Outlines outlines) {
        this(cache, ofProgram(options, keys), new OfProgram(keys), upstreams, outlines, true);
    }

    private static Supplier<Ruleset> ofProgram(RefrainOptions options, ClientKeys keys) {
        Ruleset ruleset = new Ruleset(keys.callers(), options.rules(), new Presets(List.of()));
        return () -> ruleset;
    }

    private Explainer(
            ResponseCache cache,
            Supplier<Ruleset> rulesets,
            Naming naming,
            Function<Endpoint, String> upstreams,
            Outlines outlines,
            boolean isProgram) {
        this.cache = cache;
        this.rulesets = rulesets;
        this.naming = naming;
        this.upstreams = upstreams;
        this.outlines = outlines;
        this.isProgram = isProgram;
    }

    /** Says what the cache would do with the request now. */
    public Explanation explain(Question question) {
        Ruleset rules = rulesets.get();
        byte[] body = question.body().getBytes(StandardCharsets.UTF_8);
        RequestFields sent = new QuestionFields(question.headers());
        RequestFields fields = naming.fields(sent);
        Caller caller = naming.caller(rules.callers(), sent, question.query());
        String upstream = upstreams.apply(question.route().endpoint());
        RequestedCaching asked =
                RequestedCaching.of(fields, rules.caching(), question.route().endpoint(), caller.labels());
        KeyContext context =
                naming.context(question.route(), upstream, caller, question.query(), asked.partition(), fields);
        ContentCoding coding = ContentCoding.of(fields);
        // A question has the decoded body.
        Decision decision = Decision.of(cache, cache::key, rules.presets(), context, asked, coding, body, body);
        CacheControls controls = decision.controls();
        String off = controls.enabled() ? null : whyOff(asked.cacheField(), decision);
        BypassReason bypass = coding == ContentCoding.OTHER ? BypassReason.CONTENT_ENCODING : decision.bypass();
        if (bypass != null || decision.flaw() != null) {
            String why = decision.flaw() != null ? decision.flaw().getMessage() : whyNot(bypass);
            return new Explanation(
                    false,
                    bypass == null ? null : bypass.detail(),
                    controls.enabled() ? "on" : "off",
                    why,
                    caller.label(),
                    decision.policyName(),
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null);
        }
        KeyParts parts = decision.key() == null
                ? cache.admin().keyParts(decision.request()).orElseThrow()
                : cache.admin().keyParts(decision.key(), decision.request());
        EntryFacts facts = cache.admin().inspect(parts.key()).orElse(null);
        String obstacle = obstacle(controls, facts);
        boolean answers = facts != null && obstacle == null;
        ItemByItem items = answers ? null : ItemByItem.of(cache, rules.caching(), decision, context, asked, body, true);
        int known = items == null ? -1 : items.known();
        if (known > 0 && obstacle == null) {
            return items(caller, decision, parts, known, items.size());
        }
        Near near = answers
                ? new Near(null, null)
                : near(parts, body, rules.callers().isAnonymous(caller));
        return new Explanation(
                true,
                null,
                off == null ? "on" : "off",
                off != null ? off : answers ? "The entry answers: a hit." : missing(parts, facts, obstacle),
                caller.label(),
                decision.policyName(),
                off == null ? controls.ttl().toSeconds() : null,
                parts.key().digest(),
                Explanation.Parts.of(parts),
                answers ? Explanation.Entry.of(facts) : null,
                near.requests(),
                rule(near.requests(), question.route().endpoint()),
                near.note());
    }

    /** The explanation of a request of which some or all items are stored (wire rule W86). */
    private static Explanation items(Caller caller, Decision decision, KeyParts parts, int known, int count) {
        String why = known == count
                ? "All of its " + count + " items are stored: a hit."
                : "Of its " + count + " items " + known + " are stored, and one call fetches the others.";
        return new Explanation(
                true,
                null,
                "on",
                why,
                caller.label(),
                decision.policyName(),
                decision.controls().ttl().toSeconds(),
                parts.key().digest(),
                Explanation.Parts.of(parts),
                null,
                null,
                null,
                null);
    }

    private String whyOff(String header, Decision decision) {
        Preset preset = decision.preset();
        Policy policy = decision.policy();
        if (policy != null && policy.cache() == Policy.Caching.NEVER) {
            return "The policy " + policy.name() + " says never, and nothing can turn caching on.";
        }
        if (preset != null && Boolean.FALSE.equals(preset.cacheEnabled())) {
            return "The preset " + preset.slug() + " turns caching off, and no header can turn it on.";
        }
        if (header == null && policy != null && policy.cache() == Policy.Caching.OFF) {
            return "The policy " + policy.name() + " turns caching off for requests without X-OpenRouter-Cache: true.";
        } else if (header == null && isProgram) {
            return "The program caches only requests that ask for it: send X-OpenRouter-Cache: true, or turn caching on"
                    + " by default.";
        } else if (header == null) {
            return "Nothing turns caching on: send X-OpenRouter-Cache: true, use a preset with cache_enabled: true, or"
                    + " set cache.default: on.";
        }
        return header.strip().toLowerCase(Locale.ROOT).equals("false")
                ? "X-OpenRouter-Cache: false turns caching off."
                : "X-OpenRouter-Cache is neither true nor false, and so is ignored.";
    }

    private String whyNot(BypassReason reason) {
        return switch (reason) {
            case PAYLOAD_TOO_LARGE ->
                "The body is longer than " + cache.admin().maxRequestBytes() + " bytes, the most that is cached"
                        + (isProgram ? "." : " (limits.cacheable-request).");
            case NOT_A_JSON_OBJECT -> "The body is not one well-formed JSON object, as it is sent.";
            case BACKGROUND -> "With background: true the provider answers before the work is done.";
            case STATEFUL -> "With a conversation the answer depends on what the provider keeps, and changes it.";
            case CONTENT_ENCODING ->
                "The Content-Encoding is neither gzip nor zstd, or the body is not in that encoding.";
            case NO_CREDENTIAL -> "The request shows no credential, and no scope says whose answers it may get.";
            case MAX_TEMPERATURE -> "Its temperature, 1 where it says none, is above max-temperature of its policy.";
            case TOOLS -> "It offers tools, and its policy says tools: false.";
            case MAX_TURNS -> "It has more messages of the user than max-turns of its policy allows.";
            case NAMESPACE -> "X-Refrain-Namespace must be 1 to 64 of A-Za-z0-9._-.";
            case SAMPLE -> "X-Refrain-Sample must be 0 to 9999, and X-Refrain-Samples 1 to 100.";
            case REPLAY -> "X-Refrain-Replay must be instant, recorded, or a number of tokens a second such as 30tps.";
            case ANSWER_TOO_LARGE, ANSWER_ENCODED -> "Its answer cannot be stored.";
        };
    }

    /** Why a stored entry would not answer, or null. */
    private static String obstacle(CacheControls controls, EntryFacts facts) {
        CacheDirectives directives = controls.directives();
        if (controls.enabled() && controls.clear()) {
            return "X-OpenRouter-Cache-Clear drops the stored answer and fetches another one.";
        } else if (controls.enabled() && directives.noCache()) {
            return "Cache-Control: no-cache, or mode: write-only of a policy, fetches, whatever is stored.";
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
                : "Nothing is stored under its key any more: this process fetched an answer to it at "
                        + Times.iso(before)
                        + ", and that entry expired, was evicted or removed, or was not one to be stored.";
    }

    /** The rule by which the nearest stored answer would have been a hit; null if there is none. */
    private String rule(List<Explanation.Nearest> nearest, Endpoint endpoint) {
        return nearest == null
                ? null
                : nearest.stream()
                        .filter(near -> near.stored() && !near.ignore().isEmpty())
                        .findFirst()
                        .map(near -> RuleFinder.yaml(cache, endpoint, near.ignore()))
                        .orElse(null);
    }

    private record Near(List<Explanation.Nearest> requests, String note) {}

    private Near near(KeyParts parts, byte[] body, boolean isAnonymous) {
        if (!outlines.isOn()) {
            return new Near(
                    null,
                    isProgram
                            ? "Nothing is known of earlier requests: inside a program none are kept to compare."
                            : "Nothing is known of earlier requests: explain.requests is 0.");
        }
        try {
            List<Explanation.Nearest> found = outlines.nearest(
                    parts,
                    body,
                    key -> cache.admin()
                            .inspect(key)
                            .filter(facts -> facts.ttlSeconds() > 0)
                            .isPresent());
            String hint = isAnonymous ? "The request has no API key; it is compared with others that have none. " : "";
            return new Near(
                    found,
                    hint
                            + (found.isEmpty()
                                    ? "No request of this scope and endpoint that this process fetched is like it. "
                                    : "")
                            + OUTLINES);
        } catch (IOException e) {
            return new Near(
                    List.of(), "The request cannot be compared: it is nested too deeply or has malformed text.");
        }
    }
}
