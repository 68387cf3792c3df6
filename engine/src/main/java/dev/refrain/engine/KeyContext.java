package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import java.util.Objects;

/**
 * Everything that goes into the key of a request except its body (wire rules W10, W14 and W15): caller, endpoint,
 * provider, path, query and headers. A context is made once and used for any number of requests. It holds neither a
 * credential nor a query string. It can be used only with the cache that {@link CachePipeline#context made} it.
 * Immutable and thread-safe; nothing is null.
 */
public final class KeyContext extends KeySource {
    private static final String BYTES = "bytes";
    private static final String NAMESPACE = "namespace ";
    private static final String RULES = "rules ";

    private final KeyDeriver maker;
    private final Endpoint endpoint;
    private final CacheScope scope;
    private final String upstream;
    private final String target;
    private final String query;
    private final String headers;
    private final byte[] head;
    private final boolean bytes;
    /** The namespace; null if there is none. */
    private final String namespace;
    /** Which of several answers to each request is meant; negative if there is only one. */
    private final int sample;

    private final KeyRules rules;

    KeyContext(Builder from, KeyRules rules, byte[] queryHash, byte[] headers, byte[] head) {
        this.maker = from.deriver;
        this.endpoint = from.endpoint;
        this.scope = from.scope;
        this.upstream = from.upstream;
        this.target = from.target;
        this.query = queryHash.length == 0 ? "" : KeyParts.shown(queryHash);
        this.headers = headers.length == 0 ? "" : KeyParts.shownDigest(headers);
        this.head = head;
        this.bytes = from.bytes;
        this.namespace = from.namespace.isEmpty() ? null : from.namespace;
        this.sample = from.sample;
        this.rules = rules;
    }

    /** The endpoint; never null. */
    @Override
    public Endpoint endpoint() {
        return endpoint;
    }

    /** Returns this context for any deriver. {@link KeyDeriver#begin} refuses a context of another cache. */
    @Override
    KeyContext context(KeyDeriver deriver) {
        return this;
    }

    /** The scope of the caller; never null. */
    public CacheScope scope() {
        return scope;
    }

    /** Identifies the provider; empty unless set. */
    public String upstream() {
        return upstream;
    }

    /** What the path says beyond the endpoint; empty unless set. */
    public String target() {
        return target;
    }

    /** 48 bits, in hexadecimal, of a keyed hash of the query string; empty if there is none. */
    String query() {
        return query;
    }

    /** 48 bits, in hexadecimal, of the digest of the header lines that are part of the key; empty if there are none. */
    String headers() {
        return headers;
    }

    /** The bytes with which the hashed input of each key begins. Read-only. */
    byte[] head() {
        return head;
    }

    /** Whether the answers are opaque bytes, which the cache does not parse. */
    boolean isBytes() {
        return bytes;
    }

    /** The namespace; null if there is none. */
    String namespace() {
        return namespace;
    }

    /** Which of several answers to each request is meant; negative if there is only one. */
    int sample() {
        return sample;
    }

    /** The rules for what part of a body goes into the key. */
    @Override
    KeyRules rules() {
        return rules;
    }

    @Override
    long heldBytes() {
        return head.length + Character.BYTES * ((long) upstream.length() + target.length());
    }

    KeyDeriver maker() {
        return maker;
    }

    /** Shows neither a credential nor a query string. */
    @Override
    public String toString() {
        return endpoint.id() + ", scope " + scope;
    }

    /** Puts a context together. Not thread-safe. */
    public static final class Builder {
        private final KeyDeriver deriver;
        private final KeyBytes headers = new KeyBytes(0);
        final Endpoint endpoint;
        final CacheScope scope;
        String upstream = "";
        String target = "";
        String query = "";
        boolean bytes;
        String namespace = "";
        int sample = CacheKey.NO_SAMPLE;

        Builder(KeyDeriver deriver, Endpoint endpoint, CacheScope scope) {
            this.deriver = deriver;
            this.endpoint = Objects.requireNonNull(endpoint, "endpoint");
            this.scope = Objects.requireNonNull(scope, "scope");
        }

        /** Anything that names the provider, such as its URL; empty unless set. */
        public Builder upstream(String identity) {
            upstream = Objects.requireNonNull(identity, "identity");
            return this;
        }

        /** What the path says beyond the endpoint, such as the deployment in a path of Azure; empty unless set. */
        public Builder target(String part) {
            target = Objects.requireNonNull(part, "part");
            return this;
        }

        /** The query string as sent; empty unless set. Only a keyed hash is kept, since it may have credentials. */
        public Builder query(String raw) {
            query = Objects.requireNonNull(raw, "raw");
            return this;
        }

        /**
         * Adds a line of a header that changes answers (wire rule W14). The order of lines is part of the key, so
         * always add several fields in the same order.
         */
        public Builder header(String name, String value) {
            headers.part(name);
            headers.part(value);
            return this;
        }

        /**
         * The answers are opaque bytes that only the caller understands, such as the vector of one text, not documents
         * of the endpoint's format. Each complete answer is stored, unless it is empty, and replayed unchanged. The
         * keys differ from those of all contexts without this setting. What an answer cost must be reported by its
         * source ({@code ResponseSink.cost}).
         */
        public Builder bytes() {
            bytes = true;
            return this;
        }

        /**
         * Keeps the answers apart from those of all other namespaces (wire rule W82), so that they can be counted and
         * removed together ({@link CacheAdmin#namespaces}).
         *
         * @param name 1 to 64 of {@code A-Za-z0-9._-}, or empty for none, which is the default
         * @throws IllegalArgumentException if the name does not have that form
         */
        public Builder namespace(String name) {
            if (!name.isEmpty() && !Namespaces.isName(name)) {
                throw new IllegalArgumentException("a namespace is 1 to 64 of A-Za-z0-9._-");
            }
            namespace = name;
            return this;
        }

        /**
         * Which of several answers to each request is meant (wire rule W82); there is only one unless set.
         *
         * @param number 0 to 9999
         * @throws IllegalArgumentException if the number is out of that range
         */
        public Builder sample(int number) {
            sample = CacheKey.requireSample(number);
            return this;
        }

        /** Builds the context. */
        public KeyContext build() {
            byte[] queryHash = query.isEmpty() ? KeyBytes.NOTHING : deriver.queryHash(query);
            byte[] lines = headers.copy();
            KeyBytes head = new KeyBytes(128 + upstream.length() + target.length() + lines.length);
            head.put(KeyDeriver.KEY_VERSION);
            head.put((byte) 0);
            head.part(scope.bytes());
            head.part(endpoint.id());
            head.part(upstream);
            head.part(target);
            head.part(queryHash);
            head.part(lines);
            if (bytes) {
                // Only contexts for opaque bytes have this part, so their keys never equal those of others.
                head.part(BYTES);
            }
            // Key rules are about bodies in the endpoint's format. The bodies of this context may have any other.
            KeyRules rules = bytes ? KeyRules.NONE : deriver.rules(endpoint);
            if (!rules.equals(KeyRules.NONE)) {
                head.part(RULES + rules.text());
            }
            if (!namespace.isEmpty()) {
                // Only contexts with a namespace have this part.
                head.part(NAMESPACE + namespace);
            }
            return new KeyContext(this, rules, queryHash, lines, head.copy());
        }
    }
}
