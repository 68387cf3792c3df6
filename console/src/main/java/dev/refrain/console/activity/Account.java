package dev.refrain.console.activity;

import dev.refrain.console.log.Origin;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.client.RequestRecord;
import java.net.URI;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * The facts of one request while it runs. The account closes when the client has been served or has gone, and all
 * upstream calls of the request have ended. Then it goes to the log, and changes no more.
 *
 * <p>One thread at a time uses it; in the proxy that is the I/O thread of the request's connection.
 * {@link #callStarted}, {@link #calling} and {@link #callEnded} are thread-safe. Long, since each fact has methods of
 * its own to set and to read it.
 */
public final class Account implements RequestRecord {
    /**
     * Status for a client that went away before there was a response. No registered status says so, but nginx logs 499.
     */
    private static final int CLIENT_GONE = 499;

    private static final AtomicIntegerFieldUpdater<Account> OPEN =
            AtomicIntegerFieldUpdater.newUpdater(Account.class, "open");

    private final ActivityLog log;
    private final Endpoint endpoint;
    private final long startNanos;
    /** The prices that held when the request came. */
    final Prices prices;

    /** Where the request comes from; null unless there is an access log and the request came through the proxy. */
    private Origin origin;
    /** The request's own id; null until the client has sent it, or the proxy has made it for the provider. */
    private String requestId;
    /** The request's trace; null unless traces are recorded. */
    private RequestTrace trace;

    private Caller caller;
    private String model;
    private String preset;
    private String policy;
    private boolean streamed;
    private CacheKey key;

    private int status = CLIENT_GONE;
    private String id;
    private CacheOutcome cache;
    /** What the cache did for each item; null unless the answer was assembled from entries of its items. */
    private CacheOutcome.Items items;
    /** The token of an error that was made here; null if there was none. */
    private String failure;

    private long latencyNanos = Activity.UNKNOWN;
    private long bytes;

    /** Runs when the account closes; null for nothing. */
    private Runnable closed;

    private boolean served;
    private long endMillis;
    private long durationNanos;
    private boolean cut;

    /** The latest call; null if there was none. */
    private volatile ProviderCall call;
    /** How many parties keep the account open: the client until it is served, and each call until it ends. */
    @SuppressWarnings("unused") // through the updater
    private volatile int open = 1;

    Account(ActivityLog log, Endpoint endpoint, long startNanos, Prices prices) {
        this.log = log;
        this.endpoint = endpoint;
        this.startNanos = startNanos;
        this.prices = prices;
    }

    // ---- filled while the request runs

    /** Sets where the request comes from, for the access log. */
    public void origin(Origin from) {
        origin = from;
    }

    /** Where the request comes from; null unless there is an access log. */
    public Origin origin() {
        return origin;
    }

    /** Sets the id that the client sent or the proxy made; null for none. */
    public void requestId(String given) {
        requestId = given;
    }

    /** The id by which logs find the request: its own, else the generation id of its answer, which may be null. */
    public String requestId() {
        return requestId == null ? id : requestId;
    }

    /** The id that the client sent or the proxy made; null if the request has only the id of its answer. */
    String ownRequestId() {
        return requestId;
    }

    /** Sets the trace that follows the request. */
    public void trace(RequestTrace of) {
        trace = of;
    }

    /** The trace that follows the request; null unless traces are recorded. */
    public RequestTrace trace() {
        return trace;
    }

    /** Sets the caller. */
    public void caller(Caller who) {
        caller = who;
    }

    /**
     * Sets what the request asks for.
     *
     * @param requestedModel null if not known
     * @param appliedPreset slug, or null
     */
    public void request(String requestedModel, String appliedPreset, boolean stream) {
        model = requestedModel;
        preset = appliedPreset;
        streamed = stream;
    }

    /** Sets the name of the policy that holds for the request, or null. */
    @Override
    public void policy(String name) {
        policy = name;
    }

    /** Sets the request's key, and the outcome that counts if no response ever begins. */
    public void expect(CacheOutcome ifItFails, CacheKey requestKey) {
        cache = ifItFails;
        key = requestKey;
    }

    @Override
    public void asked(CacheOutcome ifItFails, CacheKey requestKey, CacheRequest request) {
        expect(ifItFails, requestKey);
        if (requestKey != null) {
            request(log.models().name(requestKey, request), null, requestKey.streaming());
        }
    }

    @Override
    public ResponseSink calling(ResponseSink client, MemoryBudget memory) {
        return new MeteringSink(endpoint, callStarted(), client, memory);
    }

    /** The response begins. */
    @Override
    public void head(int responseStatus, String generationId, CacheOutcome outcome) {
        status = responseStatus;
        id = generationId;
        items = outcome instanceof CacheOutcome.Items of ? of : null;
        cache = items == null ? outcome : items.answer();
        if (!(cache instanceof CacheOutcome.Hit)) {
            latencyNanos = log.nanoTime() - startNanos;
        }
    }

    /**
     * The response is an error made here.
     *
     * @param token the reason, from a fixed list
     */
    @Override
    public void failed(String token) {
        failure = token;
    }

    /** More of the response's body has been taken by the connection, or by the program. */
    @Override
    public void wrote(long count) {
        bytes += count;
    }

    /**
     * The client has its response, or gets no more of it. Only the first call counts.
     *
     * @param broken whether the response is incomplete
     */
    @Override
    public void served(boolean broken) {
        if (!served) {
            served = true;
            cut = broken;
            durationNanos = log.nanoTime() - startNanos;
            endMillis = log.millis();
            if (origin != null) {
                log.served(this);
            }
            if (trace != null) {
                trace.served(this);
            }
            release();
        }
    }

    /**
     * Notes that a call to the provider begins. To be called before the call can end. Tell the returned object how the
     * call ends.
     */
    public ProviderCall callStarted() {
        return callStarted(null);
    }

    /**
     * As {@link #callStarted()}, for a trace that names the provider.
     *
     * @param provider its base URL; null if it is not known
     */
    public ProviderCall callStarted(URI provider) {
        ProviderCall started = new ProviderCall(trace == null ? null : trace.calling(this, provider));
        if (OPEN.getAndUpdate(this, n -> n == 0 ? 0 : n + 1) > 0) {
            call = started;
            started.attach(this);
        }
        return started;
    }

    /** The call has ended, in whatever way. */
    void callEnded() {
        release();
    }

    private void release() {
        if (OPEN.decrementAndGet(this) == 0) {
            Runnable action = closed;
            if (action != null) {
                action.run();
            }
            log.closed(this);
        }
    }

    /**
     * Runs the action when the account closes, on the thread that closes it. To be called once, before the client is
     * served.
     */
    public void whenClosed(Runnable action) {
        closed = action;
    }

    // ---- read once it is closed

    /** The endpoint; never null. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /** What the cache did. */
    public Outcome outcome() {
        if (cache instanceof CacheOutcome.Hit || cache instanceof CacheOutcome.SharedHit) {
            return Outcome.HIT;
        } else if (cache == null) {
            return Outcome.OFF;
        } else if (cache instanceof CacheOutcome.Miss) {
            return Outcome.MISS;
        } else if (cache instanceof CacheOutcome.Bypass) {
            return Outcome.BYPASS;
        }
        return cache instanceof CacheOutcome.Collapsed ? Outcome.COLLAPSED : Outcome.STALE;
    }

    /** When the request came, on the clock of {@link System#nanoTime}. */
    public long startNanos() {
        return startNanos;
    }

    /** Status of the response, 499 if the client had gone before there was one. */
    public int status() {
        return status;
    }

    /** Nanoseconds from the request's head until the last byte of the response was handed to the connection. */
    public long durationNanos() {
        return durationNanos;
    }

    /** Nanoseconds from the request's head to the response's head. */
    public long latencyNanos() {
        return latencyNanos == Activity.UNKNOWN ? durationNanos : latencyNanos;
    }

    /** Bytes of the response's body. */
    public long bytes() {
        return bytes;
    }

    /** Whether the response was an error, or broke off. */
    public boolean isError() {
        return status >= 400 || cut;
    }

    /** What the cache saved; nothing unless the response is whole. */
    Savings savings() {
        if (cut || (items != null && isError())) {
            return Savings.NONE;
        } else if (items != null) {
            return items.savings();
        } else if (cache instanceof CacheOutcome.Hit hit) {
            return hit.savings();
        } else if (cache instanceof CacheOutcome.SharedHit shared) {
            return shared.entry().savings();
        } else if (cache instanceof CacheOutcome.HitOnError rescue) {
            return rescue.entry().savings();
        }
        return cache instanceof CacheOutcome.Collapsed collapsed
                ? collapsed.savings().get()
                : Savings.NONE;
    }

    /** The money that an answer from the cache saves, such as {@code 0.0015 USD}; null if it is not known. */
    @Override
    public String cost(Savings savings) {
        return log.cost(prices, model, savings);
    }

    /** Milliseconds by which the fetch of the answer took longer than this request; at least 0. */
    long millisSaved(Savings savings) {
        return Math.max(0, savings.fetchMillis() - durationNanos / 1_000_000);
    }

    String sourceId() {
        if (cache instanceof CacheOutcome.Hit hit) {
            return hit.sourceId();
        } else if (cache instanceof CacheOutcome.SharedHit shared) {
            return shared.entry().sourceId();
        } else if (cache instanceof CacheOutcome.HitOnError rescue) {
            return rescue.entry().sourceId();
        }
        return cache instanceof CacheOutcome.Collapsed collapsed ? collapsed.sourceId() : null;
    }

    /** Sets what a real request would have set; for tests. */
    void restore(
            Caller who,
            String generationId,
            int responseStatus,
            long duration,
            long latency,
            long length,
            long end,
            boolean broken) {
        caller = who;
        id = generationId;
        status = responseStatus;
        durationNanos = duration;
        latencyNanos = latency;
        bytes = length;
        endMillis = end;
        cut = broken;
    }

    /** The reason as {@link Activity#reason} has it; null for none. */
    public String reason() {
        if (failure == null && cache instanceof CacheOutcome.SharedHit) {
            return "shared";
        }
        if (failure == null && items != null && !(cache instanceof CacheOutcome.Bypass)) {
            return items.known() > 0 && items.known() < items.count() ? Activity.PARTIAL : Activity.ITEMS;
        }
        if (failure == null && cache instanceof CacheOutcome.Collapsed joined && joined.elsewhere()) {
            return "elsewhere";
        }
        return failure == null && cache instanceof CacheOutcome.Bypass bypass
                ? bypass.reason().detail()
                : failure;
    }

    /** Generation id of the response; null until there is one. */
    public String id() {
        return id;
    }

    /** The caller; null until {@link #caller(Caller)} was called. */
    public Caller caller() {
        return caller;
    }

    /** The model that is asked for; null if it is not known, or not yet. */
    public String model() {
        return model;
    }

    String preset() {
        return preset;
    }

    String policy() {
        return policy;
    }

    boolean streamed() {
        return streamed;
    }

    String namespace() {
        return key == null ? null : key.namespace();
    }

    /** The request's key; null if the request is not eligible, or has no key yet. */
    public CacheKey key() {
        return key;
    }

    long endMillis() {
        return endMillis;
    }

    /** Whether the response broke off. */
    public boolean cut() {
        return cut;
    }

    /** The finish reason; for a replayed answer, the finish reason of its source. */
    String finishReason() {
        if (outcome().isCached()) {
            return savings().answer().finishReason();
        }
        AnswerFacts fetched = used();
        return fetched == null ? null : fetched.finishReason();
    }

    /** What the provider counted for the latest call, or null if no call was made. */
    AnswerFacts used() {
        return call == null ? null : call.facts();
    }
}
