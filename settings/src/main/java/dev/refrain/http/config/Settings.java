package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.cassettes.CassetteMode;
import dev.refrain.cassettes.Pace;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.console.activity.ModelPrice;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.ByteSize;
import dev.refrain.semantics.answer.HitIds;
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

/**
 * All settings, complete and checked. A component {@code sweepInterval} is {@code sweep-interval} in the file and
 * {@code REFRAIN_SWEEP_INTERVAL} in the environment; docs/refrain.example.yaml explains each one.
 *
 * <p>Each group of settings is a record of its own, such as {@link TlsSettings}, with its defaults and allowed values.
 *
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param reusePort whether other processes may listen on the port, too
 * @param probes whether the proxy's port answers {@code /healthz} and {@code /readyz}, too
 * @param tls TLS to clients
 * @param http2 whether HTTP/2 is spoken to clients
 * @param access which API keys are served
 * @param upstream base URL of the provider without a trailing slash, or null for the demo provider
 * @param upstreams providers of single endpoints
 * @param upstreamTls TLS to providers: trusted issuers, and the certificate of this client
 * @param upstreamHttp2 whether HTTP/2 is spoken to providers that offer it in the TLS handshake
 * @param proxy HTTP proxies to providers
 * @param store file that holds the cache
 * @param storeNever finish reasons whose answers are not stored (wire rule W16), separated by commas, or {@code none}
 * @param cache defaults for what requests do not say (wire rule W80)
 * @param policies rules for some requests, in their order (W81)
 * @param capacity byte budget of the cache
 * @param preallocate whether the store allocates its whole capacity on the disk when it is made
 * @param seal whether entries are sealed before they are stored
 * @param sweepInterval time between two sweeps for expired entries
 * @param staleIfError for how long after it expired an entry may answer in place of a failing upstream (W30)
 * @param onDisconnect what happens to an upstream call whose clients have all gone
 * @param corsOrigins origins of pages that may use this server from a browser, or null if the providers decide
 * @param shared the tier that machines share
 * @param sharedTls TLS to the shared tier
 * @param admin the admin listener
 * @param key which parts of a request go into its key
 * @param explain the memory of earlier requests, for explaining misses
 * @param hitIds which ids the answers of hits have (W40)
 * @param replay what hits change in stored answers
 * @param cassettes folder of recordings, or null
 * @param cassetteMode what happens to requests if there is a folder of recordings
 * @param cassettePace how fast recorded streams are played
 * @param limits size limits
 * @param memory direct memory beside the cache's file
 * @param timeouts limits of time
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

        TlsSettings tls,

        @Setting(value = "true", allowed = "true or false") boolean http2,

        AccessSettings access,

        @Setting(
                allowed = Setting.URL,
                flag = "URL",
                help = "Base URL of the provider. Without it, a built-in demo provider answers.")
        URI upstream,

        UpstreamSettings upstreams,
        UpstreamTlsSettings upstreamTls,

        @Setting(value = "true", allowed = "true or false") boolean upstreamHttp2,

        ProxySettings proxy,

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

        CacheSettings cache,

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

        SharedSettings shared,
        UpstreamTlsSettings sharedTls,
        AdminSettings admin,
        KeySettings key,
        ExplainSettings explain,

        @Setting(value = "fresh", allowed = "fresh or original")
        HitIds hitIds,

        ReplaySettings replay,

        @Setting(allowed = "the path of a folder") Path cassettes,

        @Setting(value = "replay", allowed = "record, replay, record-missing or refresh")
        CassetteMode cassetteMode,

        @Setting(value = "instant", allowed = "instant or recorded")
        Pace cassettePace,

        LimitSettings limits,
        MemorySettings memory,
        TimeoutSettings timeouts,

        @Setting(allowed = "a list of presets, each with a slug", live = true)
        List<PresetSettings> presets,

        LogSettings log,
        ActivitySettings activity,

        @Setting(allowed = "a list of labels, each with a name and a sha256", live = true)
        List<LabelSettings> labels,

        @Setting(allowed = "a list of teams, each with a name and labels or sha256", live = true)
        List<TeamSettings> teams,

        @Setting(value = "USD", allowed = "a currency of three capital letters, such as USD or EUR")
        String currency,

        @Setting(allowed = "a list of prices, each with a model, prompt and completion", live = true)
        List<PriceSettings> prices) {

    /**
     * Origins as browsers send them in {@code Origin}: a scheme, a host, and a port unless it is the scheme's default.
     */
    private static final Pattern ORIGIN_LIST =
            Pattern.compile("[a-z][a-z0-9+.-]*://[^/\\s,]+( *, *[a-z][a-z0-9+.-]*://[^/\\s,]+)*");

    /** A setting's name with a dot. There is no group {@code store}, because {@code store} itself is a setting. */
    private static final String STORE_NEVER = "store.never";

    private static final ByteSize MIN_CAPACITY = ByteSize.parse("16MiB");

    /** Checks what the components' types do not. */
    public Settings {
        InvalidSetting.unless(!host.isEmpty() && host.chars().noneMatch(c -> c <= ' ' || c == '/'), "host");
        InvalidSetting.unless(port >= 0 && port <= 65_535, "port");
        upstream = Checks.baseUrl(upstream, "upstream");
        InvalidSetting.unless(!store.toString().isEmpty(), "store");
        InvalidSetting.unless(
                Checks.items(storeNever).stream().allMatch(name -> name.matches("\\S{1,100}")), STORE_NEVER);
        InvalidSetting.unless(capacity.compareTo(MIN_CAPACITY) >= 0, "capacity");
        Checks.positive(sweepInterval, "sweep-interval");
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

    /** Finish reasons whose answers are not stored. */
    public List<String> neverStored() {
        return Checks.items(storeNever);
    }

    /** Whether an upstream call is cancelled when its clients have all gone. */
    public boolean cancelsAbandonedCalls() {
        return onDisconnect == OnDisconnect.CANCEL;
    }

    /** How long a stopping server goes on to answer requests over open connections. */
    public Duration drain() {
        return timeouts.drain() != null ? timeouts.drain() : reusePort ? Duration.ofSeconds(10) : Duration.ZERO;
    }

    /** The options of the log of requests. */
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

    /** Defaults and policies of caching. */
    public CacheRules rules() {
        return new CacheRules(
                new CacheDefaults(cache.byDefault() == Policy.Caching.ON, cache.ttl(), cache.maxTtl()),
                PolicySettings.inOrder(policies),
                // A recording must hold a whole request, whatever items an earlier run has left in the cache.
                cache.itemByItem() && cassettes == null);
    }

    /** The presets. */
    public List<PresetDefinition> presetDefinitions() {
        return presets.stream().map(PresetSettings::definition).toList();
    }

    /** The labels of API keys, by the keys' SHA-256. */
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
}
