package dev.refrain.http.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.admin.AdminOptions;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.ByteSize;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Settings from flags, variables and a file, and the message for each invalid one. Long, since each kind of mistake has
 * its message here.
 */
class StartupTest {
    private static final String URL_RULE = " must be an absolute http or https URL without user, query or fragment";

    @TempDir
    private Path folder;

    private final Map<String, String> environment = new HashMap<>(Map.of("PATH", "/bin", "HOME", "/root"));

    @Test
    void startsWithDefaults() {
        Settings settings = run();

        assertThat(settings.host()).isEqualTo("127.0.0.1");
        assertThat(settings.port()).isEqualTo(8080);
        assertThat(settings.upstream()).isNull();
        assertThat(settings.upstream(Endpoint.CHAT)).isEmpty();
        assertThat(settings.store()).isEqualTo(Path.of("answers.refrain"));
        assertThat(settings.capacity().bytes()).isEqualTo(1L << 30);
        assertThat(settings.preallocate()).isTrue();
        assertThat(settings.sweepInterval()).isEqualTo(Duration.ofMinutes(1));
        assertThat(settings.limits())
                .isEqualTo(new LimitSettings(
                        new ByteSize(64 << 20), null, new ByteSize(8 << 20), new ByteSize(16 << 20), 4096));
        assertThat(settings.memory()).isEqualTo(new MemorySettings(null, null));
        assertThat(settings.timeouts())
                .isEqualTo(new TimeoutSettings(
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(10),
                        Duration.ofMinutes(10),
                        Duration.ofMinutes(5),
                        Duration.ofMinutes(15),
                        Duration.ofMinutes(1),
                        Duration.ofMinutes(2),
                        Duration.ofMinutes(1),
                        null,
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(2)));
        assertThat(settings.corsOrigins()).isNull();
        assertThat(settings.presets()).isEmpty();
        assertThat(settings.admin())
                .isEqualTo(new AdminSettings(true, "127.0.0.1", 8081, null, AdminOptions.Content.OFF));
        assertThat(settings.explain().requests()).isEqualTo(10_000);
    }

    @Test
    void f39_hostsMayHaveUnderscores() {
        assertThat(run("--upstream=http://my_llm:4000/v1").upstream()).isEqualTo(URI.create("http://my_llm:4000/v1"));
    }

    @Test
    void anAdminListenerThatOthersReachNeedsAToken() {
        environment.put("REFRAIN_ADMIN_HOST", "0.0.0.0");
        String rule = " must be at least 16 visible ASCII characters, and set unless admin.host is a loopback address";
        assertThat(exit()).isEqualTo(new Startup.Exit(2, "refrain: admin.token: 'nothing' (no file)" + rule));

        environment.put("REFRAIN_ADMIN_TOKEN", "too-short");
        assertThat(exit())
                .isEqualTo(new Startup.Exit(2, "refrain: admin.token: '***' (variable REFRAIN_ADMIN_TOKEN)" + rule));

        environment.put("REFRAIN_ADMIN_TOKEN", "0123456789abcdef");
        assertThat(run().admin().token()).isEqualTo("0123456789abcdef");
        assertThat(run().toString()).doesNotContain("0123456789abcdef");

        environment.remove("REFRAIN_ADMIN_TOKEN");
        environment.put("REFRAIN_ADMIN_ENABLED", "false");
        assertThat(run().admin().enabled()).isFalse();
        environment.put("REFRAIN_ADMIN_ENABLED", "true");
        for (String loopback : new String[] {"localhost", "127.0.0.2", "::1"}) {
            environment.put("REFRAIN_ADMIN_HOST", loopback);
            assertThat(run().admin().host()).isEqualTo(loopback);
        }
        for (String other : new String[] {"127.0.0.1.example", "localhost.example", "::"}) {
            environment.put("REFRAIN_ADMIN_HOST", other);
            assertThat(exit().text()).contains("admin.token");
        }
    }

    @Test
    void takesTheFlagOfASettingInAGroup() {
        assertThat(run("--admin-port=0").admin().port()).isZero();
        assertThat(exit("--admin-port=x").text())
                .isEqualTo("refrain: admin.port: 'x' (flag --admin-port) must be a port from 0 to 65535, where 0 takes "
                        + "any free one");
    }

    @Test
    void takesEachSettingFromTheFirstSourceThatHasIt() throws IOException {
        file("host: file\nport: 1\nstore: file\nlimits:\n  stored-answer: 1KiB\n  request-body: 5\n");
        environment.put("REFRAIN_PORT", "2");
        environment.put("REFRAIN_STORE", "variable");
        environment.put("REFRAIN_LIMITS_STORED_ANSWER", "2KiB");

        Settings settings = run("--store", "flag");

        assertThat(settings.host()).isEqualTo("file");
        assertThat(settings.port()).isEqualTo(2);
        assertThat(settings.store()).isEqualTo(Path.of("flag"));
        assertThat(settings.limits().storedAnswer()).isEqualTo(new ByteSize(2048));
        assertThat(settings.limits().requestBody()).isEqualTo(new ByteSize(5));
        assertThat(settings.limits().cacheableRequest()).isEqualTo(new ByteSize(8 << 20));
    }

    @Test
    void takesTheFileFromTheFlagBeforeTheVariable() throws IOException {
        file("port: 1");
        Path other = Files.writeString(folder.resolve("other.yaml"), "port: 2");

        assertThat(run().port()).isEqualTo(1);
        assertThat(run("--config", other.toString()).port()).isEqualTo(2);
    }

    @Test
    void takesEveryFlag() {
        Settings settings = run(
                "--host=0.0.0.0", "--port=0", "--upstream=https://example.com/v1/", "--store=s", "--capacity=64MiB");

        assertThat(settings.host()).isEqualTo("0.0.0.0");
        assertThat(settings.port()).isZero();
        assertThat(settings.upstream()).isEqualTo(URI.create("https://example.com/v1"));
        assertThat(settings.store()).isEqualTo(Path.of("s"));
        assertThat(settings.capacity()).isEqualTo(new ByteSize(64 << 20));
    }

    @Test
    void sendsAnEndpointToItsOwnUpstream() {
        environment.put("REFRAIN_UPSTREAM", "http://a");
        environment.put("REFRAIN_UPSTREAMS_MESSAGES", "http://b:81/v1//");

        assertThat(run().upstream(Endpoint.MESSAGES)).contains(URI.create("http://b:81/v1"));
        assertThat(run().upstream(Endpoint.CHAT)).contains(URI.create("http://a"));
    }

    @Test
    void countsEmptyVariablesAndNullsAsNotSet() throws IOException {
        file("port:\nlimits:\ntimeouts:\n  idle: null\npresets:\n");
        environment.put("REFRAIN_HOST", "");

        assertThat(run()).isEqualTo(run("--config", file("").toString()));
    }

    @ParameterizedTest
    @CsvSource({"250ms, PT0.25S", "10s, PT10S", "5m, PT5M", "2h, PT2H", "3d, PT72H"})
    void readsDurations(String text, Duration duration) {
        environment.put("REFRAIN_SWEEP_INTERVAL", text);
        assertThat(run().sweepInterval()).isEqualTo(duration);
    }

    @ParameterizedTest
    @CsvSource({"20000000, 20000000", "20000000B, 20000000", "16384KiB, 16777216", "2TiB, 2199023255552"})
    void readsSizes(String text, long bytes) throws IOException {
        file("capacity: " + text);
        assertThat(run().capacity().bytes()).isEqualTo(bytes);
        assertThat(ByteSize.parse(run().capacity().toString()).bytes()).isEqualTo(bytes);
    }

    @Test
    void readsPresetsUnderTheVendorsNames() throws IOException {
        file("""
                presets:
                  - slug: only-policy
                    cache_enabled: true
                    cache_ttl_seconds: 60
                  - slug: full
                    model: m
                    system_prompt: p
                    temperature: 0.10
                    reasoning: {effort: low}
                    seed: 123456789012345678901234567890
                """);

        assertThat(run().presets().get(0)).isEqualTo(new PresetSettings("only-policy", true, 60, null, null, Map.of()));
        PresetSettings full = run().presets().get(1);
        assertThat(full.model()).isEqualTo("m");
        assertThat(full.systemPrompt()).isEqualTo("p");
        assertThat(full.parameters())
                .hasToString("{reasoning={\"effort\":\"low\"}, seed=123456789012345678901234567890, temperature=0.10}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--port=65536 | port: '65536' (flag --port) must be a port from 0 to 65535, where 0 takes any free one",
                "--port=-1 | port: '-1' (flag --port) must be a port from 0 to 65535, where 0 takes any free one",
                "--port=http | port: 'http' (flag --port) must be a port from 0 to 65535, where 0 takes any free one",
                "--port=80.5 | port: '80.5' (flag --port) must be a port from 0 to 65535, where 0 takes any free one",
                "--host= | host: '' (flag --host) must be a host name or an IP address of this machine",
                "--store= | store: '' (flag --store) must be the path of a file",
                "--capacity=1MiB | capacity: '1MiB' (flag --capacity) must be a size of at least 16MiB, such as 512MiB "
                        + "or 1GiB",
                "--capacity=1GB | capacity: '1GB' (flag --capacity) must be a size of at least 16MiB, such as 512MiB "
                        + "or 1GiB",
                "--capacity=99999999TiB | capacity: '99999999TiB' (flag --capacity) must be a size of at least 16MiB, "
                        + "such as 512MiB or 1GiB",
                "--colour=red | --colour: no such setting (command line), must be one of --admin-port, --capacity, "
                        + "--config, --help, --host, --port, --print-config, --store, --upstream, --version",
                "stray | stray: no such setting (command line), must be one of --admin-port, --capacity, --config, "
                        + "--help, --host, --port, --print-config, --store, --upstream, --version",
                "--port | --port: '' (flag) must be followed by PORT",
                "--help=me | --help: 'me' (flag) must be given without a value",
            })
    void namesAWrongFlag(String argument, String line) {
        assertThat(exit(argument)).isEqualTo(new Startup.Exit(2, "refrain: " + line));
    }

    @Test
    void refusesAFlagInPlaceOfAValue() {
        assertThat(exit("--port", "--host", "x").text())
                .isEqualTo("refrain: --port: '' (flag) must be followed by PORT");
    }

    @Test
    void refusesAFlagGivenTwice() {
        assertThat(exit("--port=1", "--port=2").text())
                .isEqualTo("refrain: --port: 'given twice' (flag) must be given once");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "REFRAIN_PORT | x | port: 'x' (variable REFRAIN_PORT) must be a port from 0 to 65535, where 0 takes "
                        + "any free one",
                "REFRAIN_TIMEOUTS_IDLE | 10 | timeouts.idle: '10' (variable REFRAIN_TIMEOUTS_IDLE) must be a duration "
                        + "longer than zero, such as 500ms, 10s, 5m or 1h",
                "REFRAIN_TIMEOUTS_IDLE | 0s | timeouts.idle: '0s' (variable REFRAIN_TIMEOUTS_IDLE) must be a duration "
                        + "longer than zero, such as 500ms, 10s, 5m or 1h",
                "REFRAIN_MEMORY_HOT_ANSWERS | 1KiB | memory.hot-answers: '1KiB' (variable REFRAIN_MEMORY_HOT_ANSWERS) "
                        + "must be a size from 1MiB to 16GiB, such as 64MiB, or 0B for none",
                "REFRAIN_LIMITS_REQUEST_BODY | 2GiB | limits.request-body: '2GiB' (variable "
                        + "REFRAIN_LIMITS_REQUEST_BODY) must be a size from 1B to 1GiB, such as 64KiB or 16MiB",
            })
    void namesAWrongVariable(String variable, String value, String line) {
        environment.put(variable, value);
        assertThat(exit()).isEqualTo(new Startup.Exit(2, "refrain: " + line));
    }

    /** Variables in a Kubernetes namespace that has Services called refrain and refrain-admin. */
    @Test
    void f31_ignoresTheVariablesOfKubernetes() {
        environment.putAll(Map.ofEntries(
                Map.entry("REFRAIN_SERVICE_HOST", "10.0.0.7"),
                Map.entry("REFRAIN_SERVICE_PORT", "8080"),
                Map.entry("REFRAIN_SERVICE_PORT_HTTP", "8080"),
                Map.entry("REFRAIN_PORT", "tcp://10.0.0.7:8080"),
                Map.entry("REFRAIN_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
                Map.entry("REFRAIN_PORT_8080_TCP_PROTO", "tcp"),
                Map.entry("REFRAIN_PORT_8080_TCP_PORT", "8080"),
                Map.entry("REFRAIN_PORT_8080_TCP_ADDR", "10.0.0.7"),
                Map.entry("REFRAIN_PORT_53_UDP", "udp://10.0.0.7:53"),
                Map.entry("REFRAIN_ADMIN_SERVICE_HOST", "10.0.0.8"),
                Map.entry("REFRAIN_ADMIN_PORT", "tcp://10.0.0.8:8081"),
                Map.entry("REFRAIN_ADMIN_PORT_8081_TCP_ADDR", "10.0.0.8"),
                Map.entry("REFRAIN_BLUE_PORT", "tcp://10.0.0.9:8080")));
        assertThat(Startup.parse(new String[0], environment)).isEqualTo(Startup.parse(new String[0], Map.of()));
        environment.put("REFRAIN_ADMIN_PORT", "9");
        assertThat(((Startup.Run) Startup.parse(new String[0], environment))
                        .settings()
                        .admin()
                        .port())
                .isEqualTo(9);
        for (String ours : List.of("REFRAIN_PORTS", "REFRAIN_SERVICE", "REFRAIN_PORT_TCP", "REFRAIN_PORT_1_TCP_X")) {
            assertThat(Startup.parse(new String[0], Map.of(ours, "1"))).isInstanceOf(Startup.Exit.class);
        }
    }

    @Test
    void f32_ignoresTheVariableOfItsScript() {
        assertThat(Startup.parse(new String[0], Map.of("REFRAIN_JAR", "x"))).isInstanceOf(Startup.Run.class);
    }

    @ParameterizedTest
    @CsvSource({
        "cache_enable,cache_enabled",
        "cache_enabledd,cache_enabled",
        "cache_enalbed,cache_enabled",
        "cache-enabled,cache_enabled",
        "cacheEnabled,cache_enabled",
        "chache_enabled,cache_enabled",
        "cache_ttl_second,cache_ttl_seconds",
        "cacheTtlSeconds,cache_ttl_seconds",
        "modell,model",
        "Model,model",
        "sytem_prompt,system_prompt",
        "slugs,slug"
    })
    void f33_refusesAPresetFieldThatResemblesOneOfOurs(String field, String meant) throws IOException {
        Path file = file("presets: [{slug: a, " + field + ": true}]");
        assertThat(exit().status()).isEqualTo(2);
        assertThat(exit().text())
                .startsWith("refrain: presets[0]." + field + ": no such setting (file " + file + "), did you mean "
                        + meant + "?");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"models", "cache_control", "max_tokens", "temperature", "system", "seed", "stream", "modalities"
            })
    void f33_takesAnyOtherFieldOfRequests(String field) throws IOException {
        file("presets: [{slug: a, " + field + ": 1}]");
        assertThat(Startup.parse(new String[0], environment)).isInstanceOf(Startup.Run.class);
    }

    @Test
    void refusesAnUnknownVariableWithoutShowingItsValue() {
        environment.put("REFRAIN_API_KEY", "sk-secret");
        assertThat(exit().text())
                .startsWith("refrain: REFRAIN_API_KEY: no such setting (environment variable), must be one of "
                        + "REFRAIN_ACCESS_BURST, REFRAIN_ACCESS_KEYS,")
                .contains("REFRAIN_CONFIG", "REFRAIN_LIMITS_STORED_ANSWER")
                .doesNotContain("secret", "REFRAIN_PRESETS", "\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "example.com/v1",
                "/v1",
                "ftp://example.com",
                "http:///v1",
                "http://exa mple.com",
                "http://example.com:70000",
                "http://example.com/v1#top",
                "mailto:example.com"
            })
    void refusesAnUnusableUpstream(String url) {
        assertThat(exit("--upstream", url).text())
                .isEqualTo("refrain: upstream: '" + url + "' (flag --upstream)" + URL_RULE);
    }

    @Test
    void doesNotRevealSecretsInAUrl() {
        assertThat(exit("--upstream", "https://me:sk-1@example.com/v1?key=sk-2").text())
                .isEqualTo("refrain: upstream: 'https://***@example.com/v1?***' (flag --upstream)" + URL_RULE);
        assertThat(exit("--upstream", "me:sk-1/sk-2@example.com").text()).contains("'***@example.com'");
        assertThat(exit("--upstream", "https://me:sk-1/sk-2@example.com").text())
                .contains("'https://***@example.com'");
        assertThat(exit("--api-key=sk-1").text()).contains("--api-key: no such").doesNotContain("sk-1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "port: true | port: 'true' (FILE) must be a port from 0 to 65535, where 0 takes any free one",
                "port: 80.5 | port: '80.5' (FILE) must be a port from 0 to 65535, where 0 takes any free one",
                "port: [1] | port: 'a list' (FILE) must be a port from 0 to 65535, where 0 takes any free one",
                "capacity: {a: b} | capacity: 'a group of settings' (FILE) must be a size of at least 16MiB, such as "
                        + "512MiB or 1GiB",
                "prot: 1 | prot: no such setting (FILE), did you mean port? It must be one of access, activity, admin, "
                        + "cache, capacity, cassette-mode, cassette-pace, cassettes, cors-origins, currency, "
                        + "explain, hit-ids, host, http2, key, labels, limits, "
                        + "log, memory, on-disconnect, policies, port, preallocate, presets, prices, probes, proxy, "
                        + "replay, reuse-port, seal, "
                        + "shared, shared-tls, stale-if-error, store, store.never, sweep-interval, teams, timeouts, "
                        + "tls, upstream, upstream-http2, upstream-tls, upstreams",
                "limits: {storedAnswer: 1} | limits.storedAnswer: no such setting (FILE), did you mean stored-answer? "
                        + "It must be one of cacheable-request, forwarded-body, request-body, stored-answer, "
                        + "upstream-calls",
                "limits: 5 | limits: '5' (FILE) must be a group of settings such as limits.request-body",
                "timeouts: {idle: soon} | timeouts.idle: 'soon' (FILE) must be a duration longer than zero, such as "
                        + "500ms, 10s, 5m or 1h",
                "upstreams: {chat: x} | upstreams.chat: 'x' (FILE) must be an absolute http or https URL without user, "
                        + "query or fragment",
                "cache: {default: sometimes} | cache.default: 'sometimes' (FILE) must be off or on",
                "cache: {defualt: on} | cache.defualt: no such setting (FILE), did you mean default? It must be one of "
                        + "default, item-by-item, max-ttl, ttl",
                "cache: {ttl: 25h} | cache.ttl: '25h' (FILE) must be a duration from 1s to cache.max-ttl, such as "
                        + "300s, 5m or 24h",
                "cache: {ttl: 500ms} | cache.ttl: '500ms' (FILE) must be a duration from 1s to cache.max-ttl, such as "
                        + "300s, 5m or 24h",
                "cache: {max-ttl: 366d} | cache.max-ttl: '366d' (FILE) must be a duration from 1s to 365d, such as 24h "
                        + "or 30d",
                "policies: [5] | policies[0]: '5' (FILE) must be a policy: a group of settings such as match and cache",
                "policies: [{cache: always}] | policies[0].cache: 'always' (FILE) must be on, off or never",
                "policies: [{cach: on}] | policies[0].cach: no such setting (FILE), did you mean cache? It must be one "
                        + "of cache, match, max-temperature, max-ttl, max-turns, mode, name, tools, ttl",
                "policies: [{match: {modle: a}}] | policies[0].match.modle: no such setting (FILE), did you mean "
                        + "model? It must be one of endpoint, label, model, preset",
                "policies: [{match: {endpoint: chats}}] | policies[0].match.endpoint: 'chats' (FILE), did you mean "
                        + "chat? It must be chat, responses, messages or embeddings",
                "policies: [{match: {label: }, cache: never}] | policies[0].match.label: 'null' (FILE) must be a "
                        + "name that labels has",
                "policies: [{match: {model: ~}}] | policies[0].match.model: 'null' (FILE) must be the name of a model, "
                        + "where * stands for any characters",
                "policies: [{match: }] | policies[0].match: 'null' (FILE) must be a group of settings: any of label, "
                        + "model, endpoint and preset",
                "policies: [{match: {model: a}, cache: }] | policies[0].cache: 'null' (FILE) must be on, off or never",
                "policies: [{mode: read-onyl}] | policies[0].mode: 'read-onyl' (FILE), did you mean read-only? It must "
                        + "be read-write, read-only or write-only",
                "cache: {default: onn} | cache.default: 'onn' (FILE), did you mean on? It must be off or on",
                "policies: [{match: {label: nobody}}] | policies[0].match.label: 'nobody' (FILE) must be a name that "
                        + "labels has",
                "policies: [{mode: read}] | policies[0].mode: 'read' (FILE) must be read-write, read-only or "
                        + "write-only",
                "policies: [{ttl: 25h}] | policies[0].ttl: '25h' (FILE) must be a duration from 1s to the policy's "
                        + "max-ttl, or else to cache.max-ttl",
                "policies: [{ttl: 2h, max-ttl: 1h}] | policies[0].ttl: '2h' (FILE) must be a duration from 1s to the "
                        + "policy's max-ttl, or else to cache.max-ttl",
                "policies: [{max-temperature: 2.5}] | policies[0].max-temperature: '2.5' (FILE) must be a number from "
                        + "0 to 2, such as 0 or 0.3",
                "policies: [{max-turns: 0}] | policies[0].max-turns: '0' (FILE) must be a whole number from 1 to "
                        + "1000000",
                "policies: [{name: a}, {name: a}] | policies[1].name: 'a' (FILE) must be a text of 1 to 64 characters, "
                        + "used once",
                "presets: [{slug: a, cache_ttl_seconds: 86401}] | presets[0].cache_ttl_seconds: '86401' (FILE) must be "
                        + "a whole number of seconds from 1 to cache.max-ttl, which is 86400 unless set",
                "labels: 5 | labels: '5' (FILE) must be a list of labels, each with a name and a sha256",
                "labels: [5] | labels[0]: '5' (FILE) must be a label: a group of settings with a name and a sha256",
                "labels: [{name: a, sha256: secret}] | labels[0].sha256: '***' (FILE) must be the SHA-256 of an API "
                        + "key, 64 lower-case hexadecimal digits, used once",
                "key: {ignore: messages} | key.ignore: 'messages' (FILE) must be none, or places of members separated "
                        + "by commas, such as user, metadata.user_id or chat:prompt_cache_key, 64 at most, and none in "
                        + "model, messages, input or stream",
                "key: {ignore: 'a, b.*'} | key.ignore: 'a, b.*' (FILE) must be none, or places of members separated by "
                        + "commas, such as user, metadata.user_id or chat:prompt_cache_key, 64 at most, and none in "
                        + "model, messages, input or stream",
                "key: {ignore: 'chats:user'} | key.ignore: 'chats:user' (FILE) must be none, or places of members "
                        + "separated by commas, such as user, metadata.user_id or chat:prompt_cache_key, 64 at most, "
                        + "and none in model, messages, input or stream",
                "key: {normalization: jcs} | key.normalization: 'jcs' (FILE) must be whitespace or canonical",
                "teams: [5] | teams[0]: '5' (FILE) must be a team: a group of settings with a name, and labels or "
                        + "sha256",
                "teams: [{name: a, labels: [nobody]}] | teams[0].labels: 'a list' (FILE) must be a list of names that "
                        + "labels has, none of them of a key that another team has",
                "teams: [{name: a}] | teams[0].labels: 'nothing' (FILE) must be a list of names that labels has, none "
                        + "of them of a key that another team has",
                "teams: [{name: a, sha256: [secret]}] | teams[0].sha256: '***' (FILE) must be a list of the SHA-256 of "
                        + "API keys, 64 lower-case hexadecimal digits each, none of which another team has",
                "currency: usd | currency: 'usd' (FILE) must be a currency of three capital letters, such as USD or "
                        + "EUR",
                "prices: [{model: a, prompt: -1, completion: 2}] | prices[0].prompt: '-1' (FILE) must be a price for a "
                        + "million tokens from 0 to 1000000, such as 0.15",
                "prices: [{model: a, prompt: 1, completion: 2}, {model: a, prompt: 1, completion: 2}] | "
                        + "prices[1].model: 'a' (FILE) must be the name of a model, used once",
                "activity: {max-size: 1MiB} | activity.max-size: '1MiB' (FILE) must be 0 or a size of at least 16MiB, "
                        + "such as 256MiB or 1GiB",
                "activity: {max-age: 0s} | activity.max-age: '0s' (FILE) must be a duration longer than zero, such as "
                        + "500ms, 10s, 5m or 1h",
                "shared: {secret-file: a} | shared.secret-file: 'a' (FILE) must be the path of a file, and uri beside "
                        + "it",
                "shared: {uri: 'redis://u:secret@h'} | shared.uri: '***' (FILE) must be a URI such as "
                        + "redis://cache:6379 or rediss://user:password@cache:6380, and secret-file beside it",
                "shared: {prefix: 'a:b'} | shared.prefix: 'a:b' (FILE) must be 1 to 32 of A-Z, a-z, 0-9, '.', '_' and "
                        + "'-'",
                "shared: {timeout: 0s} | shared.timeout: '0s' (FILE) must be a duration longer than zero, such as "
                        + "500ms, 10s, 5m or 1h",
                "shared: {max-answer: 1KiB} | shared.max-answer: '1KiB' (FILE) must be a size from 64KiB to 16MiB, "
                        + "such as 1MiB",
                "shared: {coalesce: maybe} | shared.coalesce: 'maybe' (FILE) must be true or false",
                "shared: {mode: none} | shared.mode: 'none' (FILE) must be read-write, read-only or write-only",
                "presets: 5 | presets: '5' (FILE) must be a list of presets, each with a slug",
                "presets: [5] | presets[0]: '5' (FILE) must be a preset: a group of settings with a slug",
                "presets: [~] | presets[0]: 'null' (FILE) must be a preset: a group of settings with a slug",
                "presets: [{model: a}] | presets[0].slug: 'nothing' (FILE) must be made of letters, digits, '.', '_' "
                        + "and '-', in quotes if YAML takes it for true or false, and used once",
                "presets: [{slug: a/b}] | presets[0].slug: 'a/b' (FILE) must be made of letters, digits, '.', '_' and "
                        + "'-', in quotes if YAML takes it for true or false, and used once",
                "presets: [{slug: off}] | presets[0].slug: 'false' (FILE) must be made of letters, digits, '.', '_' "
                        + "and '-', in quotes if YAML takes it for true or false, and used once",
                "presets: [{slug: a}, {slug: a}] | presets[1].slug: 'a' (FILE) must be made of letters, digits, '.', "
                        + "'_' and '-', in quotes if YAML takes it for true or false, and used once",
                "presets: [{slug: a, cache_ttl_seconds: 0}] | presets[0].cache_ttl_seconds: '0' (FILE) must be a whole "
                        + "number of seconds from 1 to cache.max-ttl, which is 86400 unless set",
                "presets: [{slug: a, cache_ttl_seconds: 1.5}] | presets[0].cache_ttl_seconds: '1.5' (FILE) must be a "
                        + "whole number of seconds from 1 to cache.max-ttl, which is 86400 unless set",
                "presets: [{slug: a, cache_enabled: 1}] | presets[0].cache_enabled: '1' (FILE) must be true or false",
                "presets: [{slug: a, system_prompt: [secret]}] | presets[0].system_prompt: 'a list' (FILE) must be a "
                        + "text",
            })
    void namesAWrongSettingOfTheFile(String yaml, String line) throws IOException {
        Path file = file(yaml);
        assertThat(exit()).isEqualTo(new Startup.Exit(2, "refrain: " + line.replace("FILE", "file " + file)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "- port | holds a list",
                "port: 1%nport: 2 | line 2, column 5: Duplicate field 'port'",
                "port: [secret | line 1, column 14: while parsing a flow sequence",
                "port: 1%n---%nport: 2 | more than one document"
            })
    void namesAFileThatIsNotUsable(String yaml, String problem) throws IOException {
        Path file = file(yaml.formatted());
        assertThat(exit().status()).isEqualTo(2);
        assertThat(exit().text())
                .startsWith("refrain: config: " + file)
                .contains(problem)
                .endsWith(" (variable REFRAIN_CONFIG), must be a readable YAML file of settings")
                .doesNotContain("secret", "\n");
    }

    @Test
    void namesAFileThatIsNotThere() {
        assertThat(exit("--config", "gone.yaml"))
                .isEqualTo(new Startup.Exit(
                        2,
                        "refrain: config: gone.yaml does not exist (flag --config), must be a readable YAML file of "
                                + "settings"));
        assertThat(exit("--config", folder.toString()).text()).contains("cannot be read");
    }

    @Test
    void printsHelpAndVersionAndExitsWithZero() {
        Startup.Exit help = exit("--help");

        assertThat(help.status()).isZero();
        assertThat(help.text())
                .contains(
                        "--config=FILE",
                        "--host=HOST",
                        "--port=PORT",
                        "--upstream=URL",
                        "--store=PATH",
                        "--capacity=SIZE")
                .contains("--help", "--version", "Default: 8080.");
        assertThat(exit("--version")).isEqualTo(new Startup.Exit(0, "refrain (development build)"));
    }

    private Path file(String yaml) throws IOException {
        Path file = Files.writeString(folder.resolve("refrain.yaml"), yaml);
        environment.put("REFRAIN_CONFIG", file.toString());
        return file;
    }

    private Settings run(String... arguments) {
        return ((Startup.Run) Startup.parse(arguments, environment)).settings();
    }

    private Startup.Exit exit(String... arguments) {
        return (Startup.Exit) Startup.parse(arguments, environment);
    }
}
