package dev.refrain.spring;

import dev.refrain.console.admin.AdminOptions;
import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.key.KeyPlaces;
import dev.refrain.semantics.policy.Policy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.PropertyMapper;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.bind.Name;
import org.springframework.util.unit.DataSize;

/**
 * What a program can set; what has no default is null unless set. Immutable.
 *
 * @param enabled Whether there is a cache at all.
 * @param store File that holds the cache, which needs flags of the JVM, or "heap", which needs none and keeps nothing
 *     over a restart.
 * @param capacity Byte budget of the cache: at least 16MB in a file, 64KB on the heap.
 * @param seal Whether answers are sealed before they are written to the file.
 * @param staleIfError For how long after its lifetime a stored answer may stand in for a provider that fails.
 * @param recordPace Whether it is kept when the events of a stream came, for X-Refrain-Replay.
 * @param cache what requests are cached, and how
 * @param key what makes two requests different
 * @param console the dashboard
 */
@ConfigurationProperties(value = "refrain", ignoreUnknownFields = false)
public record RefrainProperties(
        @DefaultValue("true") boolean enabled,
        @DefaultValue(RefrainProperties.HEAP) String store,
        @DefaultValue("64MB") DataSize capacity,
        @DefaultValue("false") boolean seal,
        @DefaultValue("0s") Duration staleIfError,
        @DefaultValue("false") boolean recordPace,
        @DefaultValue Cache cache,
        @DefaultValue Key key,
        @DefaultValue Console console) {
    static final String HEAP = "heap";

    boolean isOnHeap() {
        return store.equals(HEAP);
    }

    /**
     * What requests are cached, and how.
     *
     * @param onByDefault Whether requests are cached that do not say so themselves.
     * @param ttl Lifetime of a stored answer, from 1s to 1d, unless a request says another one.
     * @param namespace Part of the key, 1 to 64 of A-Za-z0-9._-: programs with different namespaces share no answers.
     * @param scope Secret of those who share answers, in place of the API key that their requests show.
     * @param upstream Provider's name in keys, in place of the base URL that is called: what a proxy's --upstream says
     *     that shares the file.
     * @param sample Which of several answers to one request is meant, from 0 to 9999, unless a request says another.
     * @param samples Of how many answers one is picked at random, from 1 to 100; they are fetched first.
     * @param policies What holds for some requests in place of the default and of ttl, and further rules for them.
     */
    public record Cache(
            @Name("default") @DefaultValue("off") boolean onByDefault,
            @DefaultValue("5m") Duration ttl,
            String namespace,
            String scope,
            String upstream,
            Integer sample,
            Integer samples,
            @DefaultValue List<PolicyProperties> policies) {
        /**
         * Checks the lifetime.
         *
         * @throws IllegalArgumentException if it is out of range
         */
        public Cache {
            CacheControls.on(ttl);
            if (sample != null && samples != null) {
                throw new IllegalArgumentException("refrain.cache.sample and refrain.cache.samples exclude each other");
            }
        }

        private RefrainOptions.Builder applyTo(RefrainOptions.Builder options) {
            options.on(onByDefault)
                    .ttl(ttl)
                    .policies(IntStream.range(0, policies.size())
                            .mapToObj(i -> policies.get(i).policy(i))
                            .toArray(Policy[]::new));
            PropertyMapper given = PropertyMapper.get();
            given.from(namespace).to(options::namespace);
            given.from(scope).to(options::scope);
            given.from(upstream).to(options::upstream);
            given.from(sample).to(options::sample);
            given.from(samples).to(options::samples);
            return options;
        }

        /** Not the scope's secret. */
        @Override
        public String toString() {
            return (onByDefault ? "on" : "off") + ", " + ttl;
        }
    }

    /**
     * What makes two requests different; the same as a proxy's that shares the file.
     *
     * @param headers Fields with which providers change their answers.
     * @param credentialsAdd Fields that hold a credential though their names do not say so.
     * @param credentialsRemove Fields that hold no credential though their names say so.
     * @param ignore Members of bodies that are not part of the key, such as messages:metadata.user_id.
     * @param normalization Whether the order of properties and the spelling of numbers and texts count (whitespace) or
     *     not (canonical).
     */
    public record Key(
            @DefaultValue(KeyContexts.USUAL_HEADERS) String headers,
            @DefaultValue("none") String credentialsAdd,
            @DefaultValue("none") String credentialsRemove,
            @DefaultValue List<String> ignore,
            @DefaultValue("whitespace") KeyPlaces.Normalization normalization) {
        /**
         * Checks the members.
         *
         * @throws IllegalArgumentException if one cannot be ignored
         */
        public Key {
            KeyPlaces.parse(ignore, normalization);
        }
    }

    /** The options that the settings say, without a log. */
    RefrainOptions.Builder options() {
        return cache.applyTo(RefrainOptions.builder()
                .keyHeaders(FieldNames.parse(key.headers))
                .credentials(new CredentialFields(
                        FieldNames.parse(key.credentialsAdd), FieldNames.parse(key.credentialsRemove))));
    }

    /**
     * The dashboard, on a port of its own that only this machine reaches.
     *
     * @param enabled Whether there is a dashboard.
     * @param port Port on 127.0.0.1; 0 is any free one.
     * @param token What a request must bring, at least 16 visible ASCII characters. Without it, all of this machine may
     *     look.
     * @param log File with the latest requests. Unless set, it is beside the store; for a store on the heap there is
     *     none.
     * @param content Whether stored answers can be looked at there; each look is logged.
     */
    public record Console(
            @DefaultValue("false") boolean enabled,
            @DefaultValue("8082") int port,
            String token,
            Path log,
            @DefaultValue("off") AdminOptions.Content content) {
        private static final int LEAST_TOKEN = 16;

        /**
         * Checks the port and the token.
         *
         * @throws IllegalArgumentException if one of them is out of range
         */
        public Console {
            if (port < 0 || port > 65_535) {
                throw new IllegalArgumentException("refrain.console.port must be 0 to 65535, was " + port);
            }
            if (token != null && (token.length() < LEAST_TOKEN || token.chars().anyMatch(c -> c <= ' ' || c > '~'))) {
                throw new IllegalArgumentException(
                        "refrain.console.token must be at least 16 visible ASCII characters");
            }
        }

        /** Not the token. */
        @Override
        public String toString() {
            return enabled ? "127.0.0.1:" + port : "off";
        }
    }
}
