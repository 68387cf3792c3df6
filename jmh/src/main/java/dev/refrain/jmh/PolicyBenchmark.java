package dev.refrain.jmh;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.policy.CacheDefaults;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.policy.Policies;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.semantics.policy.RequestedCaching;
import dev.refrain.semantics.preset.Presets;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The cost of policies (wire rule W81) in the decision about a request, whose key is derived from its body. Measured
 * without policies, and with policies that depend on the caller's label, on the body's model, or on limits, for which
 * the body is parsed to its end a second time.
 */
public class PolicyBenchmark extends MeasuredInForks {
    /** A header without fields. */
    private static final class NoFields implements RequestFields {
        @Override
        public String first(String name) {
            return null;
        }

        @Override
        public List<String> all(String name) {
            return null;
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {}
    }

    /** A cache that does not remember requests, and the policies. */
    @State(Scope.Benchmark)
    public static class Ruled {
        private static final RequestFields FIELDS = new NoFields();
        private static final Presets NO_PRESETS = new Presets(List.of());
        /** How many policies precede the matching one. */
        private static final int PASSED = 9;

        @Param({"none", "label", "model", "limits"})
        private String policy;

        private TemporaryCache cache;
        private CacheRules rules;

        @Setup(Level.Trial)
        public void open() throws IOException {
            cache = new TemporaryCache(16L << 20, builder -> builder.memoBytes(0));
            List<Policy> policies = new ArrayList<>();
            for (int i = 0; i < PASSED; i++) {
                Policy.Builder other = Policy.builder("other " + i).cache(Policy.Caching.OFF);
                policies.add((policy.equals("label") ? other.label("team-" + i) : other.model("vendor-" + i + "/*"))
                        .build());
            }
            Policy.Builder last = Policy.builder("last").cache(Policy.Caching.ON);
            policies.add(
                    switch (policy) {
                        case "label" -> last.label("mine").build();
                        case "model" -> last.model("acme/*").build();
                        default ->
                            last.model("acme/*")
                                    .maxTemperature(1.0)
                                    .maxTurns(1000)
                                    .build();
                    });
            CacheDefaults on = new CacheDefaults(true, CacheDefaults.USUAL.ttl(), CacheDefaults.USUAL.maxTtl());
            rules = new CacheRules(on, policy.equals("none") ? Policies.NONE : new Policies(policies));
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            cache.close();
        }
    }

    /** Decides about a request, from the header's fields and the body. */
    @Benchmark
    public Decision decided(Ruled ruled, KeyBenchmark.Conversation conversation) {
        RequestedCaching asked = RequestedCaching.of(Ruled.FIELDS, ruled.rules, Endpoint.CHAT, List.of("mine"));
        return Decision.of(
                ruled.cache.cache(),
                ruled.cache.cache()::key,
                Ruled.NO_PRESETS,
                ruled.cache
                        .cache()
                        .pipeline()
                        .context(Endpoint.CHAT, ruled.cache.cache().pipeline().scope(Requests.API_KEY))
                        .build(),
                asked,
                ContentCoding.IDENTITY,
                conversation.body(),
                conversation.body());
    }
}
