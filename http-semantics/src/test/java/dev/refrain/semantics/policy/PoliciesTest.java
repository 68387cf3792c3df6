package dev.refrain.semantics.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.policy.Policy.Caching;
import dev.refrain.semantics.policy.Policy.Mode;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.PresetDefinition;
import java.io.ByteArrayInputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Wire rules W80 and W81: defaults and policies, by tables, and compared with a simple reference. Long, since it is
 * mostly tables.
 */
class PoliciesTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration MONTH = Duration.ofDays(30);

    // ---- defaults

    /** Columns: default, preset, header, and whether caching is on. */
    @ParameterizedTest
    @CsvSource({
        "off,,,false",
        "off,,true,true",
        "on,,,true",
        "on,,yes,true",
        "on,,true,true",
        "on,,false,false",
        "on,false,,false",
        "on,false,true,false",
        "on,true,,true",
        "on,true,false,false",
    })
    void w80_withoutTheHeaderTheDefaultApplies(String byDefault, Boolean preset, String header, boolean on) {
        CacheRules rules = new CacheRules(new CacheDefaults(byDefault.equals("on"), MINUTE, MONTH), Policies.NONE);
        assertThat(decide(rules, header, null, preset(preset, null), null).enabled())
                .isEqualTo(on);
    }

    /** Columns: default and longest lifetime, header, preset, and the resulting lifetime; all in seconds. */
    @ParameterizedTest
    @CsvSource({
        "300,86400,,,300",
        "60,86400,,,60",
        "60,86400,7,,7",
        "60,86400,,90,90",
        "60,86400,7,90,7",
        "60,86400,86401,,86400",
        "60,120,3600,,120",
        "60,120,,3600,120",
        "31536000,31536000,,,31536000",
        "60,31536000,31536001,,31536000",
        "60,31536000,99999999999999999999,,31536000",
        "60,31536000,0,,1",
    })
    void w80_theDefaultLifetimeAndItsBound(long ttl, long most, String header, Integer preset, long lifetime) {
        CacheRules rules = new CacheRules(
                new CacheDefaults(false, Duration.ofSeconds(ttl), Duration.ofSeconds(most)), Policies.NONE);
        CacheControls controls = decide(rules, "true", header, preset == null ? null : preset(null, preset), null);
        assertThat(controls.ttl()).isEqualTo(Duration.ofSeconds(lifetime));
    }

    @Test
    void w80_lifetimesOutOfRangeAreRefused() {
        assertThatThrownBy(() -> new CacheDefaults(true, Duration.ofMillis(999), MONTH))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new CacheDefaults(true, Duration.ofDays(2), Duration.ofDays(1)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new CacheDefaults(true, MINUTE, Duration.ofDays(366)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    // ---- which policy

    /** Columns: label, model, endpoint and preset of a request, and the index of its policy in {@link #list}. */
    @ParameterizedTest
    @CsvSource({
        "legal,gpt-5,CHAT,,0",
        "legal,gpt-5,EMBEDDINGS,support,0",
        "ops,gpt-5,EMBEDDINGS,,1",
        "ops,o3-mini,CHAT,,2",
        "ops,openai/o3,CHAT,,2",
        "ops,o3-mini,RESPONSES,,-1",
        "ops,gpt-5,CHAT,support,3",
        "ops,o3-mini,MESSAGES,support,3",
        "ops,,CHAT,,-1",
        "ops,gpt-5,CHAT,other,-1",
        "Legal,gpt-5,CHAT,,-1",
    })
    void w81_theFirstMatchingPolicyApplies(String label, String model, Endpoint endpoint, String preset, int place) {
        assertThat(nameOf(new Policies(list()).first(endpoint, listed(label), listed(model), preset)))
                .isEqualTo(place < 0 ? null : "p" + place);
    }

    /** Columns: labels, models, and the index of the policy that applies; "*" is an unknown model. */
    @ParameterizedTest
    @CsvSource({
        "ops,cheap,1",
        "ops,secret,2",
        "ops,cheap secret,2",
        "ops,secret cheap,2",
        "ops,other cheap,1",
        "ops,other,-1",
        "ops,*,2",
        "ops,cheap *,2",
        "ops legal,cheap,0",
        "legal ops,cheap,0",
        "ops other,other,-1",
        ",secret,2",
    })
    void w81_withSeveralLabelsOrModelsEachCountsAndNeverWins(String labels, String models, int place) {
        Policies policies = new Policies(List.of(
                policy("p0", new Match("legal", null, null, null), Caching.NEVER),
                policy("p1", new Match(null, "cheap", null, null), Caching.ON),
                policy("p2", new Match(null, "secret*", null, null), Caching.NEVER)));
        List<String> shown = labels == null ? List.of() : List.of(labels.split(" "));
        assertThat(nameOf(policies.first(Endpoint.CHAT, shown, List.of(models.split(" ")), null)))
                .isEqualTo(place < 0 ? null : "p" + place);
    }

    private static List<Policy> list() {
        return List.of(
                policy("p0", new Match("legal", null, null, null), Caching.NEVER),
                policy("p1", new Match(null, null, Endpoint.EMBEDDINGS, null), Caching.ON),
                policy("p2", new Match(null, "*o3*", Endpoint.CHAT, null), Caching.OFF),
                policy("p3", new Match(null, null, null, "support"), null));
    }

    @Property(tries = 2000)
    void w81_decidesLikeASimpleReference(
            @ForAll("policies") List<Match> matches,
            @ForAll("labels") String label,
            @ForAll("models") String model,
            @ForAll Endpoint endpoint,
            @ForAll("slugs") String preset) {
        List<Policy> policies =
                matches.stream().map(match -> policy("p", match, Caching.ON)).toList();
        Policy expected = IntStream.range(0, policies.size())
                .filter(i -> matches.get(i).covers(label, model, endpoint, preset))
                .mapToObj(policies::get)
                .findFirst()
                .orElse(null);
        assertThat(new Policies(policies).first(endpoint, listed(label), listed(model), preset))
                .isSameAs(expected);
    }

    private static List<String> listed(String one) {
        return one == null ? List.of() : List.of(one);
    }

    @Provide
    Arbitrary<List<Match>> policies() {
        Arbitrary<String> patterns =
                Arbitraries.of("gpt-5", "gpt-*", "*", "*mini", "g*5*i", "").injectNull(0.4);
        return Combinators.combine(
                        labels(), patterns, Arbitraries.of(Endpoint.class).injectNull(0.5), slugs())
                .as(Match::new)
                .list()
                .ofMaxSize(6);
    }

    @Provide
    Arbitrary<String> labels() {
        return Arbitraries.of("a", "b", "").injectNull(0.4);
    }

    @Provide
    Arbitrary<String> models() {
        return Arbitraries.of("gpt-5", "gpt-5-mini", "o3-mini", "g55i", "").injectNull(0.1);
    }

    @Provide
    Arbitrary<String> slugs() {
        return Arbitraries.of("x", "y").injectNull(0.5);
    }

    @Test
    void w81_withoutPoliciesNoneApplies() {
        assertThat(Policies.NONE.first(Endpoint.CHAT, List.of("a"), List.of("m"), "p"))
                .isNull();
        assertThat(Policies.NONE.needBody()).isFalse();
    }

    // ---- effects of a policy

    /** Columns: policy, preset, header, and whether caching is on. */
    @ParameterizedTest
    @CsvSource({
        "ON,,,true",
        "ON,,false,false",
        "ON,false,,false",
        "OFF,,,false",
        "OFF,,true,true",
        "OFF,true,,true",
        "OFF,true,false,false",
        "NEVER,,,false",
        "NEVER,,true,false",
        "NEVER,true,true,false",
    })
    void w81_neverIsFinalAndTheOthersAreDefaults(Caching said, Boolean preset, String header, boolean on) {
        for (boolean byDefault : new boolean[] {false, true}) {
            CacheRules rules = rules(byDefault, policy("p", Match.ALL, said));
            assertThat(decide(rules, header, null, preset(preset, null), "m").enabled())
                    .as("cache.default " + byDefault)
                    .isEqualTo(on);
        }
    }

    /** Columns: the policy's lifetime and its bound, header, preset, and the result. The defaults are 300 and 86400. */
    @ParameterizedTest
    @CsvSource({
        "3600,,,,3600",
        "3600,,60,,60",
        "3600,,,90,90",
        ",60,,,60",
        ",60,3600,,60",
        ",60,,3600,60",
        ",60,7,,7",
        ",2592000,2592001,,2592000",
        "2592000,2592000,,,2592000",
        ",,86401,,86400",
    })
    void w81_aPolicySetsAndLimitsTheLifetime(Long ttl, Long most, String header, Integer preset, long lifetime) {
        Policy policy =
                Policy.builder("p").ttl(seconds(ttl)).maxTtl(seconds(most)).build();
        CacheControls controls =
                decide(rules(false, policy), "true", header, preset == null ? null : preset(null, preset), "m");
        assertThat(controls.ttl()).isEqualTo(Duration.ofSeconds(lifetime));
    }

    @ParameterizedTest
    @CsvSource({"READ_WRITE,false,false", "READ_ONLY,false,true", "WRITE_ONLY,true,false"})
    void w81_modesAreDirectives(Mode mode, boolean noCache, boolean noStore) {
        Policy policy = Policy.builder("p").cache(Caching.ON).mode(mode).build();
        CacheControls controls = decide(rules(false, policy), null, null, null, "m");
        assertThat(controls.directives().noCache()).isEqualTo(noCache);
        assertThat(controls.directives().noStore()).isEqualTo(noStore);
    }

    /** Columns: limits, a body, and the limit that it exceeds. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0.3 | true  |   | {'temperature':0.3}                           |",
                "0.3 | true  |   | {'temperature':0.31}                          | MAX_TEMPERATURE",
                "0.3 | true  |   | {'temperature':1e-1}                          |",
                "0.3 | true  |   | {}                                            | MAX_TEMPERATURE",
                "1   | true  |   | {}                                            |",
                "1   | true  |   | {'temperature':null}                          |",
                "2   | true  |   | {'temperature':'0'}                           | MAX_TEMPERATURE",
                "0.3 | true  |   | {'temperature':9,'temperature':0}             |",
                "0.3 | true  |   | {'a':{'temperature':9},'temperature':0}       |",
                "    | false |   | {'tools':[]}                                  |",
                "    | false |   | {'tools':null}                                |",
                "    | false |   | {'tools':[{'type':'function'}]}               | TOOLS",
                "    | false |   | {'functions':[{'name':'f'}]}                  | TOOLS",
                "    | false |   | {'tool_choice':'auto'}                        |",
                "    | true  | 1 | {'messages':[{'role':'system'},{'role':'user'}]} |",
                "    | true  | 1 | {'messages':[{'role':'user'},{'role':'assistant'},{'role':'user'}]} | MAX_TURNS",
                "    | true  | 2 | {'messages':[{'role':'user'},{'role':'assistant'},{'role':'user'}]} |",
                "    | true  | 1 | {'messages':[{'content':[{'role':'user'}],'role':'user'}]} |",
                "    | true  | 1 | {'input':'hi'}                                |",
                "    | true  | 1 | {'input':[{'role':'user'},{'role':'user'}]}   | MAX_TURNS",
                "    | true  | 1 | {'input':['a','b','c']}                       |",
                "0   | false | 1 | [                                             | MAX_TEMPERATURE",
            })
    void w81_aRequestBeyondALimitIsABypass(
            Double temperature, boolean tools, Integer turns, String body, BypassReason exceeded) {
        Policy policy = Policy.builder("p")
                .maxTemperature(temperature)
                .tools(tools)
                .maxTurns(turns)
                .build();
        byte[] sent = body.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        assertThat(policy.exceededBy(traits(Endpoint.CHAT, sent))).isEqualTo(exceeded);
    }

    @Test
    void w81_embeddingsHaveNoTemperature() {
        Policy policy =
                Policy.builder("p").cache(Caching.ON).maxTemperature(0.3).build();
        byte[] sent = "{\"model\":\"m\",\"input\":\"hi\"}".getBytes(StandardCharsets.UTF_8);
        assertThat(policy.exceededBy(traits(Endpoint.EMBEDDINGS, sent))).isNull();
        assertThat(policy.exceededBy(traits(Endpoint.RESPONSES, sent))).isEqualTo(BypassReason.MAX_TEMPERATURE);
    }

    /** Clients choose the names of members, so the scanner must not keep names from a body. */
    @Test
    void w81_namesOfMembersAreNotKept() {
        long before = usedHeap();
        for (int i = 0; i < 2000; i++) {
            byte[] sent =
                    ("{\"" + "n".repeat(50_000) + i + "\":{},\"temperature\":0}").getBytes(StandardCharsets.UTF_8);
            assertThat(traits(Endpoint.CHAT, sent).temperature()).isZero();
        }
        assertThat(usedHeap() - before).isLessThan(32L << 20);
    }

    @Test
    void w81_aLongNameIsNotBuffered() {
        byte[] sent = ("{\"" + "n".repeat(1 << 20) + "\":{},\"temperature\":0}").getBytes(StandardCharsets.UTF_8);
        assertThat(traits(Endpoint.CHAT, sent).temperature()).isNaN();
    }

    private static long usedHeap() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static RequestTraits traits(Endpoint endpoint, byte[] sent) {
        return RequestTraits.of(endpoint, new ByteArrayInputStream(sent));
    }

    /** Only policies after p1 depend on the body. A dash means that the head does not decide. */
    @ParameterizedTest
    @CsvSource({"legal,p0", "ops,p1", "ops legal,p0", "ops other,-", "other,-", ",-"})
    void w81_aHeadDecidesWhatNoBodyCanChange(String labels, String name) {
        Policies policies = new Policies(List.of(
                policy("p0", new Match("legal", null, null, null), Caching.NEVER),
                policy("p1", new Match("ops", null, null, null), Caching.ON),
                policy("p2", new Match(null, "secret", null, null), Caching.NEVER),
                policy("p3", new Match("other", null, null, null), Caching.ON)));
        List<String> shown = labels == null ? List.of() : List.of(labels.split(" "));
        CacheRules rules = new CacheRules(
                new CacheDefaults(false, CacheControls.DEFAULT_TTL, CacheDefaults.USUAL_MAX_TTL), policies);
        RequestedCaching asked = RequestedCaching.of(NoFields.INSTANCE, rules, Endpoint.CHAT, shown);
        assertThat(nameOf(asked.policyByHead())).isEqualTo(name.equals("-") ? null : name);
        assertThat(asked.needsBody()).isEqualTo(name.equals("-"));
    }

    @Test
    void w81_headsAloneDecideUnlessAPolicyNeedsTheBody() {
        Policy byHead = policy("p", new Match("a", null, Endpoint.CHAT, null), Caching.ON);
        assertThat(new Policies(List.of(byHead)).needBody()).isFalse();
        assertThat(RequestedCaching.of(NoFields.INSTANCE, rules(false, byHead), Endpoint.CHAT, List.of("a"))
                        .alone()
                        .enabled())
                .isTrue();
        Policy byModel = policy("p", new Match("a", "m", null, null), Caching.ON);
        RequestedCaching asked =
                RequestedCaching.of(NoFields.INSTANCE, rules(false, byModel), Endpoint.CHAT, List.of("a"));
        assertThat(asked.alone().enabled()).isFalse();
        assertThat(asked.needsBody()).isTrue();
        assertThat(asked.with(null, asked.policy(List.of("m"), null)).enabled()).isTrue();
    }

    // ---- helpers

    private static Duration seconds(Long count) {
        return count == null ? null : Duration.ofSeconds(count);
    }

    private static String nameOf(Policy policy) {
        return policy == null ? null : policy.name();
    }

    private static Policy policy(String name, Match match, Caching cache) {
        return Policy.builder(name)
                .label(match.label())
                .model(match.model())
                .endpoint(match.endpoint())
                .preset(match.preset())
                .cache(cache)
                .build();
    }

    /** The requests to which a policy applies. */
    private record Match(String label, String model, Endpoint endpoint, String preset) {
        private static final Match ALL = new Match(null, null, null, null);

        boolean covers(String ofKey, String ofModel, Endpoint to, String slug) {
            return (label == null || label.equals(ofKey))
                    && (endpoint == null || endpoint == to)
                    && (preset == null || preset.equals(slug))
                    && (model == null
                            || (ofModel == null ? "" : ofModel)
                                    .matches(Pattern.quote(model).replace("*", "\\E.*\\Q")));
        }
    }

    private static CacheRules rules(boolean byDefault, Policy policy) {
        CacheDefaults defaults = new CacheDefaults(byDefault, CacheControls.DEFAULT_TTL, CacheDefaults.USUAL_MAX_TTL);
        return new CacheRules(defaults, new Policies(List.of(policy)));
    }

    private static Preset preset(Boolean enabled, Integer seconds) {
        return new Preset(new PresetDefinition("p", enabled, seconds, null, null, Map.of()));
    }

    private static CacheControls decide(CacheRules rules, String cache, String ttl, Preset preset, String model) {
        RequestedCaching asked =
                new RequestedCaching(cache, ttl, null, null, Partition.NONE, rules, Endpoint.CHAT, List.of("a"));
        return asked.with(preset, asked.policy(model == null ? List.of() : List.of(model), null));
    }
}
