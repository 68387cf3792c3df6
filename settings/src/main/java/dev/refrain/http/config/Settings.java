package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.cassettes.CassetteMode;
import dev.refrain.cassettes.Pace;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.console.activity.ModelPrice;
import dev.refrain.console.admin.AdminOptions;
import dev.refrain.console.log.Logs;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.KeyRules;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.ByteSize;
import dev.refrain.semantics.answer.HitIds;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.key.KeyPlaces;
import dev.refrain.semantics.policy.CacheDefaults;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.semantics.preset.PresetDefinition;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Everything that can be set, complete and checked. A component {@code sweepInterval} is {@code sweep-interval} in the
 * file and {@code REFRAIN_SWEEP_INTERVAL} in the environment; docs/refrain.example.yaml explains each one.
 *
 * <p>Long, since every setting stands here with its default and what is allowed, and nowhere else.
 *
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param reusePort whether other processes may listen on the port, too
 * @param probes whether the proxy's port answers those who ask whether it lives and is ready
 * @param tls TLS to clients
 * @param http2 whether HTTP/2 is spoken to clients
 * @param access who is served
 * @param upstream base URL of the provider without a trailing slash, or null for the demo provider
 * @param upstreams providers of single endpoints
 * @param upstreamTls whom to trust, and what to show, in TLS to providers
 * @param upstreamHttp2 whether HTTP/2 is spoken to providers that offer it in the TLS handshake
 * @param proxy how providers are reached
 * @param store file that holds the cache
 * @param storeNever finish reasons whose answers are not stored (wire rule W16), separated by commas, or {@code none}
 * @param cache what holds where requests do not say it (wire rule W80)
 * @param policies what holds for some requests, in their order (W81)
 * @param capacity byte budget of the cache
 * @param preallocate whether the store takes all of its capacity on the disk at once
 * @param seal whether entries are sealed before they are stored
 * @param sweepInterval time between two sweeps for expired entries
 * @param staleIfError for how long after its lifetime an entry may answer in
 *     place of a failing upstream (wire rule W30)
 * @param onDisconnect what becomes of an upstream call whose clients have all gone
 * @param corsOrigins origins of pages that may use this server from a browser, or null if the providers decide
 * @param shared the tier that machines share
 * @param sharedTls TLS to that
 * @param admin the admin listener
 * @param key what makes two requests different
 * @param explain what is kept to explain misses
 * @param hitIds which ids the answers of hits have (W40)
 * @param replay what hits change
 * @param cassettes folder of recordings, or null
 * @param cassetteMode what is done with it
 * @param cassettePace how fast recorded streams are played
 * @param limits size limits
 * @param memory what is kept in memory beside the cache's file
 * @param timeouts how long to wait for what
 * @param presets presets known locally, each slug once
 * @param log how the process logs
 * @param activity the log of requests
 * @param labels names for API keys
 * @param teams API keys that share their answers (W83)
 * @param currency of the prices
 * @param prices of models, each model once
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record Settings(
        @Setting(
                value = "127.0.0.1",
                allowed = "a host name or an IP address of this machine",
                flag = "HOST",
                help = "Address to listen on.")
        String host,

        @Setting(
                value = "8080",
                allowed = "a port from 0 to 65535, where 0 takes any free one",
                flag = "PORT",
                help = "Port to listen on; 0 is any free one.")
        int port,

        @Setting(value = "false", allowed = "true or false") boolean reusePort,

        @Setting(value = "false", allowed = "true or false") boolean probes,

        Tls tls,

        @Setting(value = "true", allowed = "true or false") boolean http2,

        Access access,

        @Setting(
                allowed = Setting.URL,
                flag = "URL",
                help = "Base URL of the provider. Without it, a built-in demo provider answers.")
        URI upstream,

        Upstreams upstreams,
        UpstreamTls upstreamTls,

        @Setting(value = "true", allowed = "true or false") boolean upstreamHttp2,

        Proxy proxy,

        @Setting(
                value = "answers.refrain",
                allowed = "the path of a file",
                flag = "PATH",
                help = "File that holds the cache.")
        Path store,

        @Setting(
                name = STORE_NEVER,
                value = "content_filter",
                allowed = "finish reasons separated by commas, such as content_filter,length, or none")
        @JsonProperty(STORE_NEVER)
        String storeNever,

        Cache cache,

        @Setting(allowed = "a list of policies, each with a match and what holds for such requests", live = true)
        List<PolicySettings> policies,

        @Setting(
                value = "1GiB",
                allowed = "a size of at least 16MiB, such as 512MiB or 1GiB",
                flag = "SIZE",
                help = "Byte budget of the cache.")
        ByteSize capacity,

        @Setting(value = "true", allowed = "true or false") boolean preallocate,

        @Setting(value = "false", allowed = "true or false") boolean seal,

        @Setting(value = "1m", allowed = Setting.DURATION) Duration sweepInterval,

        @Setting(value = "0s", allowed = Setting.DURATION_OR_NONE)
        Duration staleIfError,

        @Setting(value = "finish", allowed = "finish or cancel")
        OnDisconnect onDisconnect,

        @Setting(allowed = "* or origins such as https://app.example, separated by commas")
        String corsOrigins,

        Shared shared,
        UpstreamTls sharedTls,
        Admin admin,
        Key key,
        Explain explain,

        @Setting(value = "fresh", allowed = "fresh or original")
        HitIds hitIds,

        Replay replay,

        @Setting(allowed = "the path of a folder") Path cassettes,

        @Setting(value = "replay", allowed = "record, replay, record-missing or refresh")
        CassetteMode cassetteMode,

        @Setting(value = "instant", allowed = "instant or recorded")
        Pace cassettePace,

        Limits limits,
        Memory memory,
        Timeouts timeouts,

        @Setting(allowed = "a list of presets, each with a slug", live = true)
        List<PresetSettings> presets,

        Log log,
        Activity activity,

        @Setting(allowed = "a list of labels, each with a name and a sha256", live = true)
        List<LabelSettings> labels,

        @Setting(allowed = "a list of teams, each with a name and labels or sha256", live = true)
        List<TeamSettings> teams,

        @Setting(value = "USD", allowed = "a currency of three capital letters, such as USD or EUR")
        String currency,

        @Setting(allowed = "a list of prices, each with a model, prompt and completion", live = true)
        List<PriceSettings> prices) {

    /** As browsers write them in {@code Origin}: a scheme, a host and, unless it is the scheme's, a port. */
    private static final Pattern ORIGIN_LIST =
            Pattern.compile("[a-z][a-z0-9+.-]*://[^/\\s,]+( *, *[a-z][a-z0-9+.-]*://[^/\\s,]+)*");

    /** Has a dot in its name, as {@code store} is a value and no group. */
    private static final String STORE_NEVER = "store.never";

    private static final ByteSize MIN_CAPACITY = ByteSize.parse("16MiB");
    /** Bodies are held in one array, whose length is an int. */
    private static final ByteSize MAX_BODY = ByteSize.parse("1GiB");
    /** A stored answer can be five times as long as the one that was sent, and its offsets are ints. */
    private static final ByteSize MAX_ANSWER = ByteSize.parse("256MiB");

    /** Checks what the components' types do not. */
    public Settings {
        InvalidSetting.unless(!host.isEmpty() && host.chars().noneMatch(c -> c <= ' ' || c == '/'), "host");
        InvalidSetting.unless(port >= 0 && port <= 65_535, "port");
        upstream = baseUrl(upstream, "upstream");
        InvalidSetting.unless(!store.toString().isEmpty(), "store");
        InvalidSetting.unless(names(storeNever).stream().allMatch(name -> name.matches("\\S{1,100}")), STORE_NEVER);
        InvalidSetting.unless(capacity.compareTo(MIN_CAPACITY) >= 0, "capacity");
        checkPositive(sweepInterval, "sweep-interval");
        InvalidSetting.unless(
                corsOrigins == null
                        || corsOrigins.equals("*")
                        || ORIGIN_LIST.matcher(corsOrigins).matches(),
                "cors-origins");
        presets = distinct(presets, PresetSettings::slug, "presets", "slug");
        labels = distinct(labels, LabelSettings::sha256, "labels", "sha256");
        teams = distinct(teams, TeamSettings::name, "teams", "name");
        TeamSettings.byKey(teams, labels);
        policies = policies == null ? List.of() : policies;
        for (int i = 0; i < presets.size(); i++) {
            Integer seconds = presets.get(i).cacheTtlSeconds();
            InvalidSetting.unless(
                    seconds == null || seconds <= cache.maxTtl().toSeconds(), "presets[" + i + "].cache_ttl_seconds");
        }
        PolicySettings.check(policies, cache.maxTtl(), labels);
        InvalidSetting.unless(currency.matches("[A-Z]{3}"), "currency");
        prices = distinct(prices, PriceSettings::model, "prices", "model");
    }

    private static <T> List<T> distinct(List<T> list, Function<T, String> identity, String name, String field) {
        if (list == null) {
            return List.of();
        }
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < list.size(); i++) {
            InvalidSetting.unless(list.get(i) != null, name + "[" + i + "]");
            InvalidSetting.unless(seen.add(identity.apply(list.get(i))), name + "[" + i + "]." + field);
        }
        return List.copyOf(list);
    }

    /** The items of a list with commas between; {@code none} is none. */
    private static List<String> names(String list) {
        return list.equals("none")
                ? List.of()
                : Stream.of(list.split(",", -1)).map(String::strip).toList();
    }

    /** Finish reasons whose answers are not stored. */
    public List<String> neverStored() {
        return names(storeNever);
    }

    /**
     * What holds where a request does not say it (wire rule W80).
     *
     * @param byDefault whether requests without {@code X-OpenRouter-Cache} are cached
     * @param ttl lifetime of what they store without {@code X-OpenRouter-Cache-TTL}
     * @param maxTtl the longest lifetime that a request gets
     * @param itemByItem whether embeddings of several inputs are cached item by item (W86)
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Cache(
            @Setting(name = "default", value = "off", allowed = "off or on", live = true) @JsonProperty("default")
            Policy.Caching byDefault,

            @Setting(
                    value = "5m",
                    allowed = "a duration from 1s to cache.max-ttl, such as 300s, 5m or 24h",
                    live = true)
            Duration ttl,

            @Setting(value = "24h", allowed = "a duration from 1s to 365d, such as 24h or 30d", live = true)
            Duration maxTtl,

            @Setting(value = "true", allowed = "true or false", live = true)
            boolean itemByItem) {
        /** Checks the ranges. */
        public Cache {
            InvalidSetting.unless(byDefault != Policy.Caching.NEVER, "default");
            checkTtl(maxTtl, CacheControls.MAX_TTL, "max-ttl");
            checkTtl(ttl, maxTtl, "ttl");
        }
    }

    static void checkTtl(Duration ttl, Duration most, String name) {
        InvalidSetting.unless(ttl.compareTo(CacheControls.MIN_TTL) >= 0 && ttl.compareTo(most) <= 0, name);
    }

    private static final Pattern HOST_AND_PORT =
            Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*(:[0-9]{1,4}|:[1-5][0-9]{4})?");

    /**
     * TLS to clients, of files in PEM, which are read again when they change.
     *
     * @param certificate what to show clients, followed by those of its issuers, or null for HTTP without TLS
     * @param key of it, or null
     * @param clientCaFile issuers of the certificates that clients have to show, or null if they need none
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Tls(
            @Setting(allowed = "the path of a file with certificates in PEM, and key beside it")
            Path certificate,

            @Setting(allowed = "the path of a file with a private key in PEM, and certificate beside it")
            Path key,

            @Setting(allowed = "the path of a file with certificates in PEM, and certificate and key beside it")
            Path clientCaFile) {
        /** Checks that a key and its certificate come together. */
        public Tls {
            InvalidSetting.unless(certificate == null || key != null, "certificate");
            InvalidSetting.unless(key == null || certificate != null, "key");
            InvalidSetting.unless(clientCaFile == null || certificate != null, "client-ca-file");
        }
    }

    /**
     * Who is served.
     *
     * @param keys SHA-256 of the API keys whose requests are served, in lower-case hexadecimal, separated by commas, or
     *     {@code none} for those of everybody
     * @param requestsPerSecond of each API key, or null for any number
     * @param burst requests of each API key at once, or null for those of a second
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Access(
            @Setting(
                    value = "none",
                    allowed = "the SHA-256 of API keys, 64 lower-case hexadecimal digits each, separated by commas, or"
                            + " none",
                    secret = true,
                    live = true)
            String keys,

            @Setting(allowed = "a number from 0.001 to 1000000, such as 20, or 0.5 for one in two seconds")
            Double requestsPerSecond,

            @Setting(allowed = "a number from 1 to 1000000, and requests-per-second beside it")
            Integer burst) {
        private static final int MOST = 1_000_000;
        private static final double LEAST_PER_SECOND = 0.001;
        private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

        /** Checks the form. */
        public Access {
            InvalidSetting.unless(names(keys).stream().allMatch(SHA256.asMatchPredicate()), "keys");
            InvalidSetting.unless(
                    requestsPerSecond == null || (requestsPerSecond >= LEAST_PER_SECOND && requestsPerSecond <= MOST),
                    "requests-per-second");
            InvalidSetting.unless(burst == null || (burst >= 1 && burst <= MOST && requestsPerSecond != null), "burst");
        }

        /** Requests of an API key at once, where they are counted: those of a second, unless it is set. */
        public int requestsAtOnce() {
            return burst != null ? burst : (int) Math.max(1, Math.ceil(requestsPerSecond));
        }

        /** SHA-256 of the API keys whose requests are served; empty for those of everybody. */
        public Set<String> allowed() {
            return Set.copyOf(names(keys));
        }
    }

    /**
     * TLS to providers, or to what machines share, of files in PEM.
     *
     * @param caFile certificates of issuers to trust, beside those that the JVM trusts for providers, or null
     * @param clientCertificate what to show those that ask who calls, or null
     * @param clientKey of it, or null
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record UpstreamTls(
            @Setting(allowed = "the path of a file with certificates in PEM")
            Path caFile,

            @Setting(allowed = "the path of a file with certificates in PEM, and client-key beside it")
            Path clientCertificate,

            @Setting(allowed = "the path of a file with a private key in PEM, and client-certificate beside it")
            Path clientKey) {
        /** Checks that a key and its certificate come together. */
        public UpstreamTls {
            InvalidSetting.unless(clientCertificate == null || clientKey != null, "client-certificate");
            InvalidSetting.unless(clientKey == null || clientCertificate != null, "client-key");
        }
    }

    /**
     * HTTP proxies to providers.
     *
     * @param http URL of the one to providers without TLS, or null
     * @param https URL of the one to providers with TLS, or null
     * @param direct hosts that are reached without one, separated by commas, or null
     */
    public record Proxy(
            @Setting(allowed = Setting.PROXY_URL, secret = true)
            String http,

            @Setting(allowed = Setting.PROXY_URL, secret = true)
            String https,

            @Setting(allowed = "hosts separated by commas, such as .internal, 10.0.0.0/8, or *")
            String direct) {
        private static final Pattern ALLOWED =
                Pattern.compile("none|(http://)?([^@/\\s]+@)?([A-Za-z0-9._-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?/?");

        /** Checks the URLs. */
        public Proxy {
            http = url(http, "http");
            https = url(https, "https");
        }

        private static String url(String url, String name) {
            InvalidSetting.unless(url == null || ALLOWED.matcher(url).matches(), name);
            return url == null || url.equals("none") ? null : url;
        }
    }

    /** What becomes of an upstream call when nobody waits for its answer any more (wire rule W29). */
    public enum OnDisconnect {
        /** The call is finished and its answer stored, so that the retry is a hit. */
        @JsonProperty("finish")
        FINISH,
        /** The call is cancelled. */
        @JsonProperty("cancel")
        CANCEL
    }

    /**
     * Base URLs of the providers of single endpoints; each null unless it differs from {@link Settings#upstream}.
     *
     * @param chat provider of Chat Completions
     * @param responses provider of Responses
     * @param messages provider of Messages
     * @param embeddings provider of Embeddings
     */
    public record Upstreams(
            @Setting(allowed = Setting.URL) URI chat,
            @Setting(allowed = Setting.URL) URI responses,
            @Setting(allowed = Setting.URL) URI messages,
            @Setting(allowed = Setting.URL) URI embeddings) {

        /** Checks the URLs. */
        public Upstreams {
            chat = baseUrl(chat, "chat");
            responses = baseUrl(responses, "responses");
            messages = baseUrl(messages, "messages");
            embeddings = baseUrl(embeddings, "embeddings");
        }
    }

    /** What a machine does with the answers that machines share. */
    public enum SharedMode {
        /** Looks answers up and sends its own. */
        @JsonProperty("read-write")
        READ_WRITE,
        /** Looks answers up. */
        @JsonProperty("read-only")
        READ_ONLY,
        /** Sends its own. */
        @JsonProperty("write-only")
        WRITE_ONLY
    }

    /**
     * The tier that machines share (wire rules W90 to W92, and W28), on Redis or Valkey.
     *
     * @param uri of the server, or null if nothing is shared; holds a secret
     * @param secretFile file with the secret that all machines of the cluster have, or null
     * @param prefix what all names in the server begin with
     * @param timeout of a lookup, which is what it may delay a miss by
     * @param sendTimeout of what is sent, which delays nobody
     * @param maxAnswer the longest sealed answer that is one value there; longer ones, up to 16 MiB, are kept in parts
     * @param mode what this machine does with shared answers
     * @param coalesce whether machines agree on who calls the provider
     * @param maxUnconnected how long stored answers are served while removals are not heard, or null for ever
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Shared(
            @Setting(
                    allowed = "a URI such as redis://cache:6379 or rediss://user:password@cache:6380, and secret-file"
                            + " beside it",
                    secret = true)
            String uri,

            @Setting(allowed = "the path of a file, and uri beside it")
            Path secretFile,

            @Setting(value = "refrain", allowed = "1 to 32 of A-Z, a-z, 0-9, '.', '_' and '-'")
            String prefix,

            @Setting(value = "50ms", allowed = Setting.DURATION)
            Duration timeout,

            @Setting(value = "10s", allowed = Setting.DURATION)
            Duration sendTimeout,

            @Setting(value = "1MiB", allowed = "a size from 64KiB to 16MiB, such as 1MiB")
            ByteSize maxAnswer,

            @Setting(value = "read-write", allowed = "read-write, read-only or write-only")
            SharedMode mode,

            @Setting(value = "true", allowed = "true or false")
            boolean coalesce,

            @Setting(allowed = Setting.DURATION_OR_NONE) Duration maxUnconnected) {
        private static final Pattern URI = Pattern.compile("rediss?(-[a-z]+)?://[^\\s/?#]+(/[0-9]{0,5})?(#[^\\s#]+)?");

        /** Checks what the components' types do not. */
        public Shared {
            InvalidSetting.unless(
                    uri == null
                            ? secretFile == null
                            : secretFile != null && URI.matcher(uri).matches(),
                    uri == null ? "secret-file" : "uri");
            InvalidSetting.unless(prefix.matches("[A-Za-z0-9._-]{1,32}"), "prefix");
            checkPositive(timeout, "timeout");
            checkPositive(sendTimeout, "send-timeout");
            InvalidSetting.unless(maxAnswer.bytes() >= 64 << 10 && maxAnswer.bytes() <= 16 << 20, "max-answer");
        }

        /** Not the URI, which may hold a password. */
        @Override
        public String toString() {
            return uri == null ? "nothing is shared" : "shared with prefix " + prefix;
        }
    }

    /**
     * The admin listener.
     *
     * @param enabled whether there is one
     * @param host address to listen on
     * @param port port to listen on, 0 for any free one
     * @param token what a request must bring, or null; there is one unless the address is loopback
     * @param content whether stored answers can be looked at
     */
    public record Admin(
            @Setting(value = "true", allowed = "true or false")
            boolean enabled,

            @Setting(value = "127.0.0.1", allowed = "a host name or an IP address of this machine")
            String host,

            @Setting(
                    value = "8081",
                    allowed = "a port from 0 to 65535, where 0 takes any free one",
                    flag = "PORT",
                    help = "Port of the admin listener, which has the dashboard.")
            int port,

            @Setting(
                    allowed = "at least 16 visible ASCII characters, and set unless admin.host is a loopback address",
                    secret = true)
            String token,

            @Setting(value = "off", allowed = "off or on") AdminOptions.Content content) {
        /** Of addresses and names that only this machine reaches; what a name resolves to is not asked. */
        private static final Pattern LOOPBACK =
                Pattern.compile("localhost|127(\\.[0-9]{1,3}){3}|::1|0:0:0:0:0:0:0:1", Pattern.CASE_INSENSITIVE);

        /** Checks what the components' types do not. */
        public Admin {
            InvalidSetting.unless(!host.isEmpty() && host.chars().noneMatch(c -> c <= ' ' || c == '/'), "host");
            InvalidSetting.unless(port >= 0 && port <= 65_535, "port");
            InvalidSetting.unless(
                    token == null
                            ? !enabled || LOOPBACK.matcher(host).matches()
                            : token.length() >= 16 && token.chars().allMatch(c -> c > ' ' && c < 0x7F),
                    "token");
        }

        /** What the listener is to do. */
        public AdminOptions options() {
            return new AdminOptions(host, port, token, "admin.token", content);
        }

        /** Not the token. */
        @Override
        public String toString() {
            return enabled ? host + ":" + port : "off";
        }
    }

    /**
     * What makes two requests different, beside their bodies and where they go.
     *
     * @param headers fields with which a provider changes its answer (wire rule W14)
     * @param credentialsAdd fields that hold a credential though their names do not say so (W15)
     * @param credentialsRemove fields that hold none though their names say so
     * @param ignore members of bodies that do not count (W84), separated by commas, or {@code none}; for one endpoint
     *     with its name and a colon before
     * @param normalization of bodies (W40)
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Key(
            @Setting(value = KeyContexts.USUAL_HEADERS, allowed = Setting.FIELD_NAMES)
            FieldNames headers,

            @Setting(value = "none", allowed = Setting.FIELD_PATTERNS)
            FieldNames credentialsAdd,

            @Setting(value = "none", allowed = Setting.FIELD_PATTERNS + ", and none that key.credentials-add has")
            FieldNames credentialsRemove,

            @Setting(
                    value = "none",
                    allowed = "none, or places of members separated by commas, such as user, metadata.user_id or"
                            + " chat:prompt_cache_key, 64 at most, and none in model, messages, input or stream")
            String ignore,

            @Setting(value = "whitespace", allowed = "whitespace or canonical")
            KeyPlaces.Normalization normalization) {
        /** Checks what the components' types do not. */
        public Key {
            try {
                KeyPlaces.parse(names(ignore), normalization);
            } catch (IllegalArgumentException notAPlace) {
                InvalidSetting.unless(false, "ignore");
            }
            InvalidSetting.unless(!headers.hasPatterns(), "headers");
            InvalidSetting.unless(
                    credentialsRemove.names().stream().noneMatch(credentialsAdd.names()::contains),
                    "credentials-remove");
        }

        /** What of the bodies counts, by endpoint. */
        public Map<Endpoint, KeyRules> rules() {
            return KeyPlaces.parse(names(ignore), normalization);
        }

        /** Which fields hold credentials. */
        public CredentialFields credentialFields() {
            return new CredentialFields(credentialsAdd, credentialsRemove);
        }
    }

    /**
     * What is kept to explain misses.
     *
     * @param requests of which an outline is kept in memory; 0 is none
     */
    public record Explain(
            @Setting(value = "10000", allowed = "a number from 0 to 1000000")
            int requests) {
        /** Checks the range. */
        public Explain {
            InvalidSetting.unless(requests >= 0 && requests <= 1_000_000, "requests");
        }
    }

    /**
     * What hits change in the answers that they repeat.
     *
     * @param zero JSON paths of numbers that become zero besides {@code usage}
     *     (wire rule W25), separated by commas, or {@code none}
     * @param recordPace whether it is kept when the events of streams came (W87)
     */
    public record Replay(
            @Setting(
                    value = "x_groq.usage, copilot_usage, *.provider_metadata.*.usage",
                    allowed = "JSON paths of names with dots between, separated by commas, such as"
                            + " x_groq.usage, *.provider_metadata.*.usage, 64 names at most in all, or none")
            String zero,

            @Setting(name = "record-pace", value = "false", allowed = "true or false") @JsonProperty("record-pace")
            boolean recordPace) {
        /** Checks the paths. */
        public Replay {
            try {
                ResponseCache.builder(Path.of("unused")).replayZero(names(zero));
            } catch (IllegalArgumentException notAPath) {
                InvalidSetting.unless(false, "zero");
            }
        }

        /** The paths. */
        public List<String> paths() {
            return names(zero);
        }
    }

    /**
     * Size limits.
     *
     * @param requestBody largest request body that is accepted at an endpoint
     * @param forwardedBody largest request body on any other path, or null for no limit
     * @param cacheableRequest largest request body that may be cached (wire rule W18)
     * @param storedAnswer largest answer that is stored (W18)
     * @param upstreamCalls calls to providers that may run at the same time
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Limits(
            @Setting(value = "64MiB", allowed = Setting.SIZE)
            ByteSize requestBody,

            @Setting(allowed = "a size of at least 1B, such as 64MiB or 2GiB; without it there is no limit")
            ByteSize forwardedBody,

            @Setting(value = "8MiB", allowed = Setting.SIZE) ByteSize cacheableRequest,

            @Setting(value = "16MiB", allowed = "a size from 1B to 256MiB, such as 64KiB or 16MiB")
            ByteSize storedAnswer,

            @Setting(value = "4096", allowed = "a number from 1 to 1000000")
            int upstreamCalls) {

        /** Checks the ranges. */
        public Limits {
            checkBody(requestBody, "request-body");
            InvalidSetting.unless(forwardedBody == null || forwardedBody.bytes() > 0, "forwarded-body");
            checkBody(cacheableRequest, "cacheable-request");
            checkBody(storedAnswer, "stored-answer");
            InvalidSetting.unless(storedAnswer.compareTo(MAX_ANSWER) <= 0, "stored-answer");
            InvalidSetting.unless(upstreamCalls >= 1 && upstreamCalls <= 1_000_000, "upstream-calls");
        }

        private static void checkBody(ByteSize size, String name) {
            InvalidSetting.unless(size.bytes() > 0 && size.compareTo(MAX_BODY) <= 0, name);
        }
    }

    /**
     * What is kept in memory beside the cache's file, outside the heap; taken as it is needed.
     *
     * @param hotAnswers for copies of the answers that are asked for most, or
     *     null for what the engine takes unless told
     * @param knownRequests for requests that come again and again, or null likewise
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Memory(
            @Setting(allowed = Setting.MEMORY_OR_NONE) ByteSize hotAnswers,

            @Setting(allowed = Setting.MEMORY_OR_NONE) ByteSize knownRequests) {

        private static final ByteSize MIN = ByteSize.parse("1MiB");
        private static final ByteSize MAX = ByteSize.parse("16GiB");

        /** Checks the ranges. */
        public Memory {
            check(hotAnswers, "hot-answers");
            check(knownRequests, "known-requests");
        }

        private static void check(ByteSize size, String name) {
            InvalidSetting.unless(
                    size == null || size.bytes() == 0 || (size.compareTo(MIN) >= 0 && size.compareTo(MAX) <= 0), name);
        }
    }

    /**
     * How long to wait for what.
     *
     * @param request for more of a client's request body
     * @param connect for a connection to the upstream
     * @param response from there until the head of its answer
     * @param idle between two pieces of an answer
     * @param tunnelIdle between two pieces over a websocket, in either direction
     * @param write for a client to take more of its answer
     * @param keepAlive for the next request over a client's connection
     * @param upstreamKeepAlive for which an idle connection to a provider is kept that does not say how long
     * @param drain for requests over connections that are open when the server stops, or null for {@link
     *     Settings#drain}'s choice
     * @param shutdown for requests in progress when the server stops
     * @param silentCall for a call that all of its clients have left, before
     *     newcomers make one of their own (wire rule W28b)
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Timeouts(
            @Setting(value = "30s", allowed = Setting.DURATION)
            Duration request,

            @Setting(value = "10s", allowed = Setting.DURATION)
            Duration connect,

            @Setting(value = "10m", allowed = Setting.DURATION)
            Duration response,

            @Setting(value = "5m", allowed = Setting.DURATION)
            Duration idle,

            // Longer than the pauses of a conversation that nobody has hung up on.
            @Setting(value = "15m", allowed = Setting.DURATION)
            Duration tunnelIdle,

            @Setting(value = "1m", allowed = Setting.DURATION)
            Duration write,

            // Longer than common clients keep idle connections, so that it is they who close them.
            @Setting(value = "2m", allowed = Setting.DURATION)
            Duration keepAlive,

            @Setting(value = "1m", allowed = Setting.DURATION)
            Duration upstreamKeepAlive,

            @Setting(allowed = Setting.DURATION_OR_NONE) Duration drain,

            @Setting(value = "30s", allowed = Setting.DURATION_OR_NONE)
            Duration shutdown,

            @Setting(value = "2s", allowed = Setting.DURATION_OR_NONE)
            Duration silentCall) {

        /** Checks the ranges. */
        public Timeouts {
            checkPositive(request, "request");
            checkPositive(connect, "connect");
            checkPositive(response, "response");
            checkPositive(idle, "idle");
            checkPositive(tunnelIdle, "tunnel-idle");
            checkPositive(write, "write");
            checkPositive(keepAlive, "keep-alive");
            checkPositive(upstreamKeepAlive, "upstream-keep-alive");
        }
    }

    /**
     * How the process logs, on standard error.
     *
     * @param format of a line
     * @param level the least that is logged
     * @param access file that gets a line for each request, {@code -} for standard output, or null for none
     */
    public record Log(
            @Setting(value = "text", allowed = "text or json", live = true)
            Logs.Format format,

            @Setting(value = "info", allowed = "error, warn, info or debug", live = true)
            Logs.Threshold level,

            @Setting(allowed = "the path of a file, or - for standard output")
            String access) {
        /** Checks that it is a name. */
        public Log {
            InvalidSetting.unless(access == null || !access.isBlank(), "access");
        }
    }

    /**
     * The log of requests.
     *
     * @param file that holds it, or null for one beside the store
     * @param maxSize bytes on disk; 0 is no log
     * @param maxAge after which requests leave it
     */
    @JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
    public record Activity(
            @Setting(allowed = "the path of a file") Path file,

            @Setting(value = "256MiB", allowed = "0 or a size of at least 16MiB, such as 256MiB or 1GiB")
            ByteSize maxSize,

            @Setting(value = "720h", allowed = Setting.DURATION)
            Duration maxAge) {
        private static final ByteSize MIN_SIZE = ByteSize.parse("16MiB");

        /** Checks the ranges. */
        public Activity {
            InvalidSetting.unless(file == null || !file.toString().isEmpty(), "file");
            InvalidSetting.unless(maxSize.bytes() == 0 || maxSize.compareTo(MIN_SIZE) >= 0, "max-size");
            checkPositive(maxAge, "max-age");
        }
    }

    /** How long requests are answered over connections that are open when the server stops. */
    public Duration drain() {
        return timeouts.drain() != null ? timeouts.drain() : reusePort ? Duration.ofSeconds(10) : Duration.ZERO;
    }

    /** What the log of requests is to do. */
    public ActivityOptions activityOptions() {
        return new ActivityOptions(
                activity.file() != null ? activity.file() : store.resolveSibling(store.getFileName() + ".activity"),
                activity.file() != null,
                activity.maxSize().bytes(),
                activity.maxAge(),
                currency,
                prices.stream()
                        .map(price -> new ModelPrice(price.model(), price.prompt(), price.completion()))
                        .toList());
    }

    /** What holds where requests do not say it, and for which requests something else does. */
    public CacheRules rules() {
        return new CacheRules(
                new CacheDefaults(cache.byDefault() == Policy.Caching.ON, cache.ttl(), cache.maxTtl()),
                PolicySettings.inOrder(policies),
                // A recording has a whole request, whatever the run before it has left in the cache.
                cache.itemByItem() && cassettes == null);
    }

    /** What the presets say. */
    public List<PresetDefinition> presetDefinitions() {
        return presets.stream().map(PresetSettings::definition).toList();
    }

    /** What is shown of API keys, by their SHA-256. */
    public Map<String, String> labelsByKey() {
        return labels.stream().collect(Collectors.toMap(LabelSettings::sha256, LabelSettings::name));
    }

    /** The team that an API key belongs to, by the key's SHA-256. */
    public Map<String, String> teamsByKey() {
        return TeamSettings.byKey(teams, labels);
    }

    /** The base URL of an endpoint's provider; empty means the demo provider. */
    public Optional<URI> upstream(Endpoint endpoint) {
        URI own = switch (endpoint) {
            case CHAT -> upstreams.chat();
            case RESPONSES -> upstreams.responses();
            case MESSAGES -> upstreams.messages();
            case EMBEDDINGS -> upstreams.embeddings();
        };
        return Optional.ofNullable(own == null ? upstream : own);
    }

    private static void checkPositive(Duration duration, String name) {
        InvalidSetting.unless(!duration.isZero(), name);
    }

    /** {@link URI} itself knows no host with an underscore, as those of containers may have. */
    private static boolean hasHost(URI url) {
        if (url.getHost() != null) {
            return url.getPort() <= 65_535;
        }
        return url.getRawAuthority() != null
                && HOST_AND_PORT.matcher(url.getRawAuthority()).matches();
    }

    /** Drops trailing slashes, so that a path suffix can simply be appended. */
    private static URI baseUrl(URI url, String name) {
        if (url == null) {
            return null;
        }
        InvalidSetting.unless(
                ("http".equalsIgnoreCase(url.getScheme()) || "https".equalsIgnoreCase(url.getScheme()))
                        && hasHost(url)
                        && url.getRawUserInfo() == null
                        && url.getRawQuery() == null
                        && url.getRawFragment() == null,
                name);
        return URI.create(url.toString().replaceAll("/+$", ""));
    }
}
