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
 * The settings of a program. A setting without a default is null unless it is set. Immutable.
 *
 * @param enabled Whether there is a cache at all.
 * @param store File that holds the cache, which needs flags of the JVM, or "heap", which needs none and loses the cache
 *     at a restart.
 * @param capacity Byte budget of the cache: at least 16MB in a file, 64KB on the heap.
 * @param seal Whether answers are sealed before they are written to the file.
 * @param staleIfError For how long after its lifetime a stored answer may stand in for a provider that fails.
 * @param recordPace Whether the times of a stream's events are stored, for X-Refrain-Replay.
 * @param cache which requests are cached, and how
 * @param key which parts of a request go into its key
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
     * Which requests are cached, and how.
     *
     * @param onByDefault Whether requests are cached that do not set it themselves.
     * @param ttl Lifetime of a stored answer, from 1s to 1d, unless a request sets another.
     * @param namespace Part of the key, 1 to 64 of A-Za-z0-9._-: programs with different namespaces share no answers.
     * @param scope Secret of the programs that share answers, in place of the API keys of their requests.
     * @param upstream Provider's name in keys, in place of the called base URL; with a proxy that shares the file, its
     *     --upstream.
     * @param sample Number of the wanted answer among several to one request, from 0 to 9999, unless a request sets
     *     another.
     * @param samples Number of answers to one request, from 1 to 100, of which a hit picks one at random; they are
     *     fetched first.
     * @param policies Rules for some requests, such as caching and ttl in place of the default.
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
         * Checks the lifetime and the samples.
         *
         * @throws IllegalArgumentException if the lifetime is out of range, or both sample and samples are set
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

        /** Without the scope's secret. */
        @Override
        public String toString() {
            return (onByDefault ? "on" : "off") + ", " + ttl;
        }
    }

    /**
     * Which parts of a request go into its key; must equal the settings of a proxy that shares the file.
     *
     * @param headers Header fields on which providers' answers depend.
     * @param credentialsAdd Fields that hold a credential although their names do not say so.
     * @param credentialsRemove Fields that hold no credential although their names say so.
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
         * Checks the members to ignore.
         *
         * @throws IllegalArgumentException if one of them cannot be ignored
         */
        public Key {
            KeyPlaces.parse(ignore, normalization);
        }
    }

    /** The options that follow from the settings, without a log. */
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
     * @param port Port on 127.0.0.1; 0 for any free one.
     * @param token Token that a request must bring, at least 16 visible ASCII characters. Without it, every user of
     *     this machine has access.
     * @param log File with the latest requests. Unless set, it is beside the store; with a store on the heap there is
     *     none.
     * @param content Whether the dashboard can show stored answers; each look is logged.
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
         * @throws IllegalArgumentException if the port is out of range, or the token is too short or not visible ASCII
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

        /** Address and port alone, so that the token reaches no log. */
        @Override
        public String toString() {
            return enabled ? "127.0.0.1:" + port : "off";
        }
    }
}
