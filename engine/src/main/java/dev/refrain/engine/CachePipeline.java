package dev.refrain.engine;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.exchange.Pace;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The steps of {@link ResponseCache#respond}, for front-ends that do something of their own between them: say who asks
 * and where, tell why a request is not eligible, look before they make an upstream, answer by a key that they have
 * already, capture an answer. Got from {@link ResponseCache#pipeline}. No parameter and no result is null. Thread-safe;
 * sinks are called as {@link ResponseCache#respond} says.
 */
public final class CachePipeline {
    private final Answers answers;
    private final RequestKeys keys;
    private final UpstreamCalls calls;
    private final Coalescer coalescer;

    CachePipeline(Answers answers, Flights flights, UpstreamCalls calls) {
        this.answers = answers;
        this.keys = answers.keys();
        this.calls = calls;
        this.coalescer = new Coalescer(answers, flights, calls);
    }

    /** See {@link ResponseCache#remove}. */
    boolean remove(CacheKey key) {
        return coalescer.remove(key);
    }

    // ---- who asks, and where

    /**
     * The scope of a caller with one API key.
     *
     * @param apiKey empty if it has none: all callers without one share their answers
     */
    public CacheScope scope(String apiKey) {
        return keys.deriver().scope(apiKey);
    }

    /**
     * The scope of a caller that is known by other credentials than one API key, or by several.
     *
     * @param credentials names and values, in an order that does not change from request to request. Two lists that
     *     differ never have the same scope, and neither do a list and a {@link #scope(String) single API key}
     */
    public CacheScope scope(List<String> credentials) {
        return keys.deriver().scope(credentials);
    }

    /**
     * The scope that all API keys of a team share (wire rule W83). It comes from the installation's secret, or the
     * cluster's, and the team's name, and from no credential: so does what the answers are sealed with.
     *
     * @param team name of the team
     * @param others names and values of what a caller shows beside the team's API key, in an order that does not
     *     change; empty if that is all. No other list has the scope of this one
     */
    public CacheScope teamScope(String team, List<String> others) {
        return keys.deriver().teamScope(team, others);
    }

    /** Begins the context that requests of one caller to one endpoint share. */
    public KeyContext.Builder context(Endpoint endpoint, CacheScope scope) {
        return new KeyContext.Builder(keys.deriver(), endpoint, scope);
    }

    /** A reusable lookup that allocates nothing, for one thread at a time. */
    public Lookup newLookup() {
        return new Lookup(answers);
    }

    /**
     * Picks one of several answers to the same request (wire rule W82): one that is neither stored nor being fetched,
     * if there is one, else any. Both at random, so that requests at the same moment seldom pick the same.
     *
     * @param key without a sample
     * @param count of how many, 1 to 10000
     */
    public CacheKey pickSample(CacheKey key, int count) {
        int start = ThreadLocalRandom.current().nextInt(count);
        for (int i = 0; i < count; i++) {
            CacheKey each = key.withSample((start + i) % count);
            if (!coalescer.isUnderWay(each) && !answers.isFresh(each)) {
                return each;
            }
        }
        return key.withSample(start);
    }

    // ---- the steps

    /** See {@link ResponseCache#respond}. */
    void respond(CacheRequest request, CacheControls controls, Upstream upstream, ResponseSink sink) {
        CompletionStage<Void> ids = learnIds(request).orElse(null);
        if (ids == null) {
            respondNow(request, controls, upstream, sink);
            return;
        }
        var unused = ids.thenRun(() -> respondNow(request, controls, upstream, sink))
                .exceptionally(failure -> {
                    sink.fail(failure.getCause() == null ? failure : failure.getCause());
                    return null;
                });
    }

    private void respondNow(CacheRequest request, CacheControls controls, Upstream upstream, ResponseSink sink) {
        if (!controls.enabled()) {
            UpstreamCalls.pass(upstream, sink);
            return;
        }
        Optional<CacheKey> key = answers.key(request);
        if (key.isPresent()) {
            respond(key.get(), controls, upstream, sink);
        } else {
            bypass(bypass(request).orElseThrow(), controls, upstream, sink);
        }
    }

    /** Why a request cannot be cached, or empty if it can (wire rules W18 and W19). */
    public Optional<BypassReason> bypass(CacheRequest request) {
        return Optional.ofNullable(keys.bypass(request));
    }

    /**
     * Answers a request whose key is known already, like {@link ResponseCache#respond}.
     *
     * @param key of an eligible request, see {@link ResponseCache#key}
     */
    public void respond(CacheKey key, CacheControls controls, Upstream upstream, ResponseSink sink) {
        if (!controls.enabled()) {
            UpstreamCalls.pass(upstream, sink);
            return;
        }
        CacheDirectives directives = controls.directives();
        boolean leads = controls.clear() || directives.noCache();
        ForwardReason reason = directives.noCache() ? ForwardReason.REQUEST : ForwardReason.MISS;
        if (!leads) {
            try {
                reason = answers.find(key, directives.maxAgeSeconds(), sink);
            } catch (MemoryBudget.Exhausted noRoom) {
                // There is a stored answer, so the provider is not paid for another one.
                sink.fail(noRoom);
                return;
            }
            if (reason == null) {
                return;
            }
        }
        if (directives.onlyIfCached()) {
            sink.fail(
                    !controls.clear() || coalescer.removeForClient(key)
                            ? new NotCachedException()
                            : new MemoryBudget.Exhausted());
            return;
        }
        MissedRequest missed = new MissedRequest(
                key, controls, reason, upstream, new GuardedSink(onError(key, directives, reason, sink)));
        if (leads) {
            coalescer.lead(missed);
        } else {
            coalescer.fetch(missed);
        }
    }

    private ResponseSink onError(CacheKey key, CacheDirectives directives, ForwardReason reason, ResponseSink sink) {
        long maxStaleMillis = answers.maxStaleMillis(directives.staleIfErrorSeconds());
        return maxStaleMillis == 0 ? sink : new StaleIfErrorSink(answers, key, maxStaleMillis, reason, sink);
    }

    /**
     * Answers a request like {@link #respond(CacheKey, CacheControls, Upstream, ResponseSink)} if the store has an
     * answer. Otherwise nothing happens, and no miss is counted: the caller calls {@code respond} next.
     *
     * @param directives directives that allow a stored answer
     * @return whether it was answered
     */
    public boolean respondIfStored(CacheKey key, CacheDirectives directives, ResponseSink sink) {
        try {
            return answers.replay(key, directives.maxAgeSeconds(), sink) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        }
    }

    /**
     * What the store has for a request.
     *
     * @param key null if the request is not eligible
     * @param head of the answer; null if there is none
     * @param body of the answer, a copy of the caller's own; null if there is none
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Found(CacheKey key, ResponseHead head, byte[] body) {}

    /**
     * Makes the key of a request and looks for its answer in one step, for front-ends that hand whole answers over.
     * Like {@link #respondIfStored}, it counts a hit, but no miss.
     *
     * @param body as sent; only read
     * @param directives directives that allow a stored answer
     * @throws IllegalArgumentException if another cache made the context
     */
    public Found find(KeyContext context, byte[] body, CacheDirectives directives) {
        return answers.find(context, body, directives.maxAgeSeconds());
    }

    /** The same of a request whose key is known already. */
    public Found find(CacheKey key, CacheDirectives directives) {
        return answers.find(key, directives.maxAgeSeconds());
    }

    /**
     * A sink that passes an answer on and stores it once it is complete.
     *
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @param client where the answer goes; its head gets a {@link CacheOutcome.Miss}
     * @return a sink that must be ended or failed in any case. Until then it holds what it has captured, and its part
     *     of the {@link ResponseCacheBuilder#memory memory budget}
     * @throws IllegalArgumentException if the ttl is out of range
     */
    public ResponseSink capture(CacheKey key, Duration ttl, ResponseSink client) {
        CacheControls.on(ttl);
        return new CaptureSink(answers, key, ttl, ForwardReason.MISS, client);
    }

    /**
     * The pace at which a stream came when it was fetched (wire rule W87). Empty if it was not recorded ({@link
     * ResponseCacheBuilder#recordPace}), or another machine has fetched it, or it was evicted. It may be that of an
     * earlier answer to the same request: then its events are likely to be as many by chance only.
     */
    public Optional<Pace> pace(CacheKey key) {
        return Optional.ofNullable(answers.paces().get(key));
    }

    /**
     * The same upstream, whose calls fail if they take longer than the cache waits
     * ({@link ResponseCacheBuilder#upstreamTimeout}).
     */
    public Upstream inTime(Upstream upstream) {
        return calls.inTime(upstream);
    }

    /** Passes a request on to the upstream although caching was on, and tells the client why. */
    public void bypass(BypassReason reason, CacheControls controls, Upstream upstream, ResponseSink sink) {
        answers.counters().bypasses.increment();
        if (controls.directives().onlyIfCached()) {
            sink.fail(new NotCachedException());
        } else {
            calls.passInTime(upstream, new OutcomeSink(new CacheOutcome.Bypass(reason), sink));
        }
    }

    /**
     * Takes an answer back: it is removed from the store, from memory and, with a {@link
     * ResponseCacheBuilder#sharedTier shared tier}, on all machines as soon as they hear of it (wire rule W85). A call
     * that is still fetching it goes on for those who wait, and its answer is not stored. What has replaced the answer
     * meanwhile stays here, but is no longer shared. Walks the keys of the whole store; do not call it on a thread that
     * serves requests.
     *
     * @param shortDigest the beginning of the key's digest, {@link CacheKey#shortDigest}
     * @param sourceId generation id of the response that filled the entry; null if that had none
     * @throws IllegalArgumentException if the digest is not 12 hexadecimal digits in lower case
     * @throws MemoryBudget.Exhausted if the shared tier is away, and what was removed meanwhile is already as much as
     *     can be remembered for other machines. Nothing was removed then
     */
    public void takeBack(String shortDigest, String sourceId) {
        if (!shortDigest.matches("[0-9a-f]{12}")) {
            throw new IllegalArgumentException("not 12 hexadecimal digits: " + shortDigest);
        }
        coalescer.takeBack(shortDigest, sourceId);
    }

    /**
     * The same of an answer that is still being fetched, known by an id that its first client or one who follows has
     * got. It looks at no entry of another key, and walks over no store.
     *
     * @param scope whoever received the id; another's is not found
     * @param id generation id in the head of a response
     * @return whether there was such a call
     * @throws MemoryBudget.Exhausted as above
     */
    public boolean takeBack(CacheScope scope, String id) {
        return coalescer.takeBack(scope, id);
    }

    /**
     * The provider's id of an answer that was replayed under another id (wire rule W26b). The provider knows only its
     * own id. It is kept until 30 days after the answer's lifetime, unless it is evicted.
     *
     * @param scope the scope that received the id; nothing is found for another one
     * @param id the id in an answer of this cache
     * @return the provider's id. Empty if this cache did not make the id, made it for another scope, or no longer knows
     *     it; then it goes to the provider unchanged. Another machine's is known after {@link #learnId}
     */
    public Optional<String> providerId(CacheScope scope, String id) {
        return Optional.ofNullable(keys.providerId(scope, id));
    }

    /**
     * A request as the provider is to get it: ids that this cache made are replaced by the provider's own, in the
     * fields that name earlier answers ({@code previous_response_id} of Responses, {@code thread.previous_message_id}
     * of Messages). An {@link Upstream} sends the result's {@link CacheRequest#upstreamBody()}. Keys are always made of
     * such a request.
     *
     * @return the request itself if there is no such id in it
     */
    public CacheRequest withProviderIds(CacheRequest request) {
        return keys.restored(request);
    }

    /**
     * Asks the {@link ResponseCacheBuilder#sharedTier shared tier} what an id stands for, if it may be one that another
     * machine has made, and this one does not know it. A front-end waits for that before it asks for {@link
     * #providerId}.
     *
     * @param scope whoever was given the id
     * @return completes when {@code providerId} says all that can be known now, within the timeout of the tier, on a
     *     thread of the cache's that may be used. It does not fail. Empty if there is nothing to wait for
     */
    public Optional<CompletionStage<Void>> learnId(CacheScope scope, String id) {
        SharedEntries shared = answers.shared();
        return shared == null || !keys.isUnknown(scope, id)
                ? Optional.empty()
                : Optional.ofNullable(shared.ids().ask(scope, id));
    }

    /**
     * The same for the id of an earlier answer in a request. Its {@link ResponseCache#key key} and {@link
     * #withProviderIds} are made anew after that. {@link ResponseCache#respond} needs no such help.
     */
    public Optional<CompletionStage<Void>> learnIds(CacheRequest request) {
        SharedEntries shared = answers.shared();
        String id = shared == null ? null : keys.unknownId(request);
        return id == null
                ? Optional.empty()
                : Optional.ofNullable(
                        shared.ids().ask(request.context(keys.deriver()).scope(), id));
    }
}
