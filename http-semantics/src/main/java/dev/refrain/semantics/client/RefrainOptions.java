package dev.refrain.semantics.client;

import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.policy.CacheDefaults;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.policy.Partition;
import dev.refrain.semantics.policy.Policies;
import dev.refrain.semantics.policy.Policy;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How a front-end inside a JVM uses the cache, where a request's header does not say. The header fields of the wire
 * contract ({@code X-OpenRouter-Cache} and the others) have precedence. To share answers with a proxy on the same
 * store, give {@link Builder#keyHeaders} and {@link Builder#credentials} the proxy's values: they decide the keys.
 *
 * <pre>{@code
 * RefrainOptions options = RefrainOptions.builder().ttl(Duration.ofHours(1)).namespace("invoices").build();
 * }</pre>
 *
 * <p>Immutable and thread-safe. No parameter is null.
 */
public final class RefrainOptions {
    /** The defaults of {@link #builder}. */
    public static final RefrainOptions DEFAULTS = builder().build();

    private static final int MOST_SAMPLES = 10_000;

    private final CacheRules rules;
    private final String namespace;
    private final String sample;
    private final String samples;
    private final String scope;
    private final String upstream;
    private final FieldNames keyHeaders;
    private final CredentialFields credentials;
    private final RequestLog log;
    private final Executor executor;
    private final CallRecorder recorder;

    private RefrainOptions(Builder from) {
        Duration longest = from.ttl.compareTo(CacheDefaults.USUAL_MAX_TTL) > 0 ? from.ttl : CacheDefaults.USUAL_MAX_TTL;
        this.rules = new CacheRules(new CacheDefaults(from.on, from.ttl, longest), from.policies, from.itemByItem);
        this.namespace = from.namespace;
        this.sample = from.sample;
        this.samples = from.samples;
        this.scope = from.scope;
        this.upstream = from.upstream;
        this.keyHeaders = from.keyHeaders;
        this.credentials = from.credentials;
        this.log = from.log;
        this.executor = from.executor == null ? OwnThreads.POOL : from.executor;
        this.recorder = from.recorder;
    }

    /**
     * Begins with the defaults: caching is on, for five minutes, and the credentials in a request's header decide whose
     * answers it gets.
     */
    public static Builder builder() {
        return new Builder();
    }

    /** The defaults for requests that say nothing, and the policies; never null. */
    public CacheRules rules() {
        return rules;
    }

    /** Null unless set. */
    String namespace() {
        return namespace;
    }

    /** Null unless set. */
    String sample() {
        return sample;
    }

    /** Null unless set. */
    String samples() {
        return samples;
    }

    /** Null unless set. */
    String scope() {
        return scope;
    }

    /** Null unless set. */
    String upstream() {
        return upstream;
    }

    FieldNames keyHeaders() {
        return keyHeaders;
    }

    CredentialFields credentials() {
        return credentials;
    }

    RequestLog log() {
        return log;
    }

    CallRecorder recorder() {
        return recorder;
    }

    /** Whether calls are recorded, or answered from recordings. */
    boolean isRecorded() {
        return recorder != CallRecorder.NONE;
    }

    Executor executor() {
        return executor;
    }

    /** Daemon threads for calls, which end after a minute without work. */
    private static final class OwnThreads {
        private static final AtomicInteger NUMBER = new AtomicInteger();

        private static final ExecutorService POOL = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "refrain-client-" + NUMBER.incrementAndGet());
            thread.setDaemon(true);
            // Without this, the thread would keep the first caller's class loader after its application has ended.
            thread.setContextClassLoader(RefrainOptions.class.getClassLoader());
            return thread;
        });
    }

    /** Puts options together. Not thread-safe. */
    public static final class Builder {
        private boolean on = true;
        private Duration ttl = CacheControls.DEFAULT_TTL;
        private Policies policies = Policies.NONE;
        private boolean itemByItem = true;
        private String namespace;
        private String sample;
        private String samples;
        private String scope;
        private String upstream;
        private FieldNames keyHeaders = FieldNames.parse(KeyContexts.USUAL_HEADERS);
        private CredentialFields credentials = new CredentialFields(FieldNames.parse("none"), FieldNames.parse("none"));
        private RequestLog log = RequestLog.NONE;
        private Executor executor;
        private CallRecorder recorder = CallRecorder.NONE;

        private Builder() {}

        /** Whether a request without {@code X-OpenRouter-Cache} is cached (wire rule W80); true unless set. */
        public Builder on(boolean byDefault) {
            on = byDefault;
            return this;
        }

        /**
         * Lifetime of what a request without {@code X-OpenRouter-Cache-TTL} stores; five minutes unless set.
         *
         * @throws IllegalArgumentException if it is not between {@link CacheControls#MIN_TTL} and
         *     {@link CacheControls#MAX_TTL}
         */
        public Builder ttl(Duration lifetime) {
            CacheControls.on(lifetime);
            ttl = lifetime;
            return this;
        }

        /**
         * Policies that replace {@link #on} and {@link #ttl} for some requests, or add rules for them (wire rule W81).
         * A policy with a label is meant for a proxy and matches no request here. None unless set.
         */
        public Builder policies(Policies inOrder) {
            policies = Objects.requireNonNull(inOrder, "inOrder");
            return this;
        }

        /** Like {@link #policies(Policies)}, with the policies as single arguments in their order. */
        public Builder policies(Policy... inOrder) {
            return policies(new Policies(List.of(inOrder)));
        }

        /**
         * Whether each input of a request for several embeddings is cached by itself (wire rule W86), so that only the
         * inputs that are missing are fetched; true unless set.
         */
        public Builder itemByItem(boolean each) {
            itemByItem = each;
            return this;
        }

        /**
         * A part of the key (wire rule W82): requests with different namespaces share no answers.
         *
         * @param name 1 to 64 of {@code A-Za-z0-9._-}
         * @throws IllegalArgumentException if it is anything else
         */
        public Builder namespace(String name) {
            if (!Partition.isName(name)) {
                throw new IllegalArgumentException("a namespace must be 1 to 64 of A-Za-z0-9._-, was " + name);
            }
            namespace = name;
            return this;
        }

        /**
         * A part of the key (wire rule W82): with different samples, several answers to one request are kept.
         *
         * @param number 0 to 9999
         * @throws IllegalArgumentException if it is anything else
         */
        public Builder sample(int number) {
            if (number < 0 || number >= MOST_SAMPLES) {
                throw new IllegalArgumentException("a sample must be 0 to 9999, was " + number);
            }
            sample = Integer.toString(number);
            samples = null;
            return this;
        }

        /**
         * Keeps several answers to each request, and picks one of them (wire rule W82). Until that many are stored,
         * requests are forwarded. Replaces {@link #sample}. Has no effect on single items, such as the texts of an
         * embedding model.
         *
         * @param count number of answers, 1 to 100
         * @throws IllegalArgumentException if it is anything else
         */
        public Builder samples(int count) {
            if (count < 1 || count > Partition.MOST_SAMPLES) {
                throw new IllegalArgumentException("samples must be 1 to 100, were " + count);
            }
            samples = Integer.toString(count);
            sample = null;
            return this;
        }

        /**
         * The scope of the client's requests, in place of the credentials in their header: requests of one scope share
         * answers. For clients whose requests show no credential where the cache sees them, because they are signed
         * later (Bedrock), and for those whose tokens change (workload identity).
         *
         * @param secret a text known only to those who may share the answers, such as an API key. Only a keyed hash of
         *     it is kept on disk. If it is empty, answers are shared with all callers that show no credential
         */
        public Builder scope(String secret) {
            scope = Objects.requireNonNull(secret, "secret");
            return this;
        }

        /**
         * The name of the provider in keys, in place of its base URL. If a proxy shares the store and this program
         * reaches the provider under another URL, this is the proxy's {@code --upstream}.
         */
        public Builder upstream(String identity) {
            upstream = Objects.requireNonNull(identity, "identity");
            return this;
        }

        /** Fields with which the provider changes its answers (wire rule W14), as a proxy's {@code key.headers}. */
        public Builder keyHeaders(FieldNames names) {
            keyHeaders = Objects.requireNonNull(names, "names");
            return this;
        }

        /** Which fields hold credentials (wire rule W15), as a proxy's {@code key.credentials-*}. */
        public Builder credentials(CredentialFields fields) {
            credentials = Objects.requireNonNull(fields, "fields");
            return this;
        }

        /**
         * Listener for each request to one of the four endpoints, such as the console's log; none unless set. With a
         * listener, requests for which caching is off are handled like misses, so that their answers are counted.
         */
        public Builder log(RequestLog listener) {
            log = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Runs the calls to providers. Each call occupies a thread until its answer has arrived or its reader is
         * behind. Unless set, a pool of as many daemon threads as there are calls. Virtual threads will do.
         */
        public Builder executor(Executor threads) {
            executor = Objects.requireNonNull(threads, "threads");
            return this;
        }

        /**
         * A recorder that records calls, or answers in the provider's place. The cache then has no part in the
         * requests: each goes to the recorder, whatever its header and these options say of caching. None unless set.
         */
        public Builder recorder(CallRecorder calls) {
            recorder = Objects.requireNonNull(calls, "calls");
            return this;
        }

        /** The options. */
        public RefrainOptions build() {
            return new RefrainOptions(this);
        }
    }
}
