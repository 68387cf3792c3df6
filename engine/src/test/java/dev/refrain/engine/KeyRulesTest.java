package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.request.RequestScan;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rules W40 and W84: which members of a body make two requests different. */
class KeyRulesTest {
    private static final List<String> PLACES = List.of("user", "metadata.user_id", "a.b.c", "store");

    private static String normalised(KeyRules rules, String body) {
        byte[] bytes = utf8(body);
        RequestScan scan = RequestScan.of(bytes, 0, bytes.length, rules.members());
        assertThat(scan.normalised()).hasSize(scan.normalisedLength());
        return scan.isJsonObject() ? new String(scan.normalised(), StandardCharsets.UTF_8) : null;
    }

    /** Bodies, with ' for ", and their normalised form. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'a':1,'user':'x'} | {'a':1}",
                "{'user':'x','a':1} | {'a':1}",
                "{'user':'x'} | {}",
                "{ 'user' : 'x' } | {}",
                "{'a':1,'user':'x','b':2} | {'a':1,'b':2}",
                "{'a':1 , 'user' : 'x' , 'b':2} | {'a':1,'b':2}",
                "{'user':1,'store':2,'a':3} | {'a':3}",
                "{'user':1 , 'store':2 , 'a':3} | {'a':3}",
                "{'a':3,'user':1,'store':2} | {'a':3}",
                "{'a':3 , 'user':1 , 'store':2 } | {'a':3}",
                "{'a':3,'user':1,'b':4,'store':2,'c':5} | {'a':3,'b':4,'c':5}",
                "{'user':1,'user':2,'a':3,'user':4} | {'a':3}",
                "{'user':{'deep':[1,{'x':[]}]},'a':1} | {'a':1}",
                "{'a':1,'user':[ [ ] , { } ]} | {'a':1}",
                "{'metadata':{'user_id':'x'},'a':1} | {'metadata':{},'a':1}",
                "{'metadata':{'user_id':'x','k':1}} | {'metadata':{'k':1}}",
                "{'metadata':{'k':1,'user_id':'x'}} | {'metadata':{'k':1}}",
                "{'metadata' : { 'k' : 1 , 'user_id' : 'x' } , 'b' : 2 } | {'metadata':{'k':1},'b':2}",
                "{'metadata':'user_id'} | {'metadata':'user_id'}",
                "{'metadata':[{'user_id':1}]} | {'metadata':[{'user_id':1}]}",
                "{'x':{'user':1}} | {'x':{'user':1}}",
                "{'x':[{'user':1}]} | {'x':[{'user':1}]}",
                "{'x':[1,{'user':1},2],'user':3} | {'x':[1,{'user':1},2]}",
                "{'user_id':1} | {'user_id':1}",
                "{'use':1,'users':2,'User':3} | {'use':1,'users':2,'User':3}",
                "{'\\u0075ser':1,'a':2} | {'a':2}",
                "{'a':{'b':{'c':1,'d':2}}} | {'a':{'b':{'d':2}}}",
                "{'a':{'b':[{'c':1}],'c':2}} | {'a':{'b':[{'c':1}],'c':2}}",
                "{'a':{'b':{'c':1}},'user':0,'a':{'b':{'c':2}}} | {'a':{'b':{}},'a':{'b':{}}}",
            })
    void w84_ignoredMembersAreLeftOutWithTheirComma(String body, String left) {
        KeyRules rules = KeyRules.NONE.ignoring(PLACES);
        assertThat(normalised(rules, body.replace('\'', '"'))).isEqualTo(left.replace('\'', '"'));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'user':1,}",
                "{'user':1,,'a':2}",
                "{,'user':1}",
                "{'a':1,'user':[1,2}",
                "{'user':{'a'}}",
                "{'user':{'a':1,}}",
                "{'user':[1,]}",
                "{'user':tru}",
                "{'user':'",
                "{'user':{",
                "{'user' 1}",
                "{'user':{'a':1}",
                "{'user':1} x",
                "{'metadata':{'user_id':1,}}",
            })
    void w84_anIgnoredMemberHasToBeWellFormed(String body) {
        assertThat(normalised(KeyRules.NONE.ignoring(PLACES), body.replace('\'', '"')))
                .isNull();
    }

    @Test
    void w84_anIgnoredMemberMayBeNestedAsDeepAsTheRest() {
        KeyRules rules = KeyRules.NONE.ignoring(PLACES);
        String deep = "[".repeat(999) + "]".repeat(999);
        assertThat(normalised(rules, "{\"user\":" + deep + "}")).isEqualTo("{}");
        assertThat(normalised(rules, "{\"user\":[" + deep + "]}")).isNull();
        assertThat(normalised(KeyRules.NONE, "{\"user\":[" + deep + "]}")).isNull();
    }

    /** Writes a document twice: with the members that do not count, and without them. */
    private static final class Twice {
        final StringBuilder all = new StringBuilder();
        final StringBuilder counting = new StringBuilder();
        private final Random random;

        Twice(Random random) {
            this.random = random;
        }

        private void both(String text, boolean counts) {
            all.append(text);
            if (counts) {
                counting.append(text);
            }
        }

        private void space() {
            all.append(" \t\n\r".substring(0, random.nextInt(3) == 0 ? 1 + random.nextInt(3) : 0));
        }

        /** @param path path of the object, or null if no rule applies to it */
        void object(String path, int depth, boolean counts) {
            both("{", counts);
            space();
            boolean first = true;
            boolean firstCounting = true;
            for (int i = random.nextInt(5); i > 0; i--) {
                String name = pick("user", "metadata", "user_id", "a", "b", "c", "store", "users", "x");
                String at = path == null ? null : path.isEmpty() ? name : path + "." + name;
                boolean ignored = at != null && PLACES.contains(at);
                all.append(first ? "" : ",");
                first = false;
                space();
                if (counts && !ignored) {
                    counting.append(firstCounting ? "" : ",");
                    firstCounting = false;
                }
                both("\"" + name + "\"", counts && !ignored);
                space();
                both(":", counts && !ignored);
                space();
                value(ignored ? null : at, depth + 1, counts && !ignored);
                space();
            }
            both("}", counts);
        }

        private void value(String path, int depth, boolean counts) {
            switch (depth > 5 ? 3 : random.nextInt(5)) {
                case 0, 1 -> object(path, depth, counts);
                case 2 -> {
                    both("[", counts);
                    space();
                    for (int i = random.nextInt(3); i > 0; i--) {
                        value(null, depth + 1, counts);
                        space();
                        both(i > 1 ? "," : "", counts);
                        space();
                    }
                    both("]", counts);
                }
                default -> both(pick("1", "-0.5e3", "\"user\"", "\"a\\\"b\"", "null", "true", "\"\u00e9{},\""), counts);
            }
        }

        private String pick(String... texts) {
            return texts[random.nextInt(texts.length)];
        }
    }

    @Property(tries = 20_000)
    void w84_theRestIsNormalisedAsIfIgnoredMembersHadNotBeenSent(@ForAll long seed) {
        Twice document = new Twice(new Random(seed));
        document.object("", 0, true);
        KeyRules rules = KeyRules.NONE.ignoring(PLACES);
        assertThat(normalised(rules, document.all.toString())).isEqualTo(document.counting.toString());
        // One scan object is reused for all requests.
        RequestScan scan = new RequestScan();
        byte[] bytes = utf8(document.all.toString());
        scan.scan(bytes, 0, bytes.length, rules.members());
        scan.scan(bytes, 0, bytes.length, null);
        RequestScan plain = RequestScan.of(bytes, 0, bytes.length);
        assertThat(scan.normalised()).isEqualTo(plain.normalised());
    }

    // ---- keys

    private static ResponseCache cache(KeyRules rules) throws Exception {
        return ResponseCache.onHeap(1 << 20).keyRules(Endpoint.CHAT, rules).open();
    }

    private static CacheKey key(ResponseCache cache, String body) {
        return cache.key(CacheRequest.of(Endpoint.CHAT, "sk", utf8(body.replace('\'', '"'))))
                .orElseThrow();
    }

    @Test
    void w84_ignoredMembersDoNotChangeTheKeyHoweverItIsAskedFor() throws Exception {
        try (ResponseCache cache = cache(KeyRules.NONE.ignoring(List.of("user", "metadata.user_id")))) {
            CacheKey key = key(cache, "{'model':'m','messages':[]}");
            assertThat(key(cache, "{'model':'m','user':'u','messages':[]}")).isEqualTo(key);
            assertThat(key(cache, "{'user':'v' , 'model':'m','messages':[]}")).isEqualTo(key);
            assertThat(key(cache, "{'model':'m','messages':[{'user':'u'}]}")).isNotEqualTo(key);
            assertThat(key(cache, "{'model':'m','messages':[],'seed':1}")).isNotEqualTo(key);
            KeyContext context = cache.pipeline()
                    .context(Endpoint.CHAT, cache.pipeline().scope("sk"))
                    .build();
            byte[] body = utf8("{\"user\":[{}],\"model\":\"m\",\"messages\":[]}");
            CacheRequest request = CacheRequest.of(context, body);
            assertThat(cache.key(request).orElseThrow()).isEqualTo(key);
            assertThat(request.upstreamBody()).isEqualTo(body);
            assertThat(cache.admin().keyParts(request).orElseThrow().body())
                    .isEqualTo(cache.admin()
                            .keyParts(CacheRequest.of(context, utf8("{\"model\":\"m\",\"messages\":[]}")))
                            .orElseThrow()
                            .body());
            cache.store(key, "application/json", utf8(SampleAnswers.CHAT_ANSWER), java.time.Duration.ofHours(1));
            assertThat(cache.pipeline().newLookup().find(context, body, 0, body.length))
                    .isNotNull();
            // The rules of one endpoint do not apply to another.
            assertThat(cache.key(CacheRequest.of(Endpoint.MESSAGES, "sk", utf8("{\"user\":1}"))))
                    .isNotEqualTo(cache.key(CacheRequest.of(Endpoint.MESSAGES, "sk", utf8("{}"))));
        }
    }

    /** An answer stored under other rules may belong to a request that the present rules tell apart. */
    @Test
    void w84_otherRulesHaveOtherKeys() throws Exception {
        byte[] secret = new byte[32];
        List<KeyRules> all = List.of(
                KeyRules.NONE,
                KeyRules.NONE.ignoring(List.of("user")),
                KeyRules.NONE.ignoring(List.of("user", "store")),
                KeyRules.NONE.canonical(),
                KeyRules.NONE.canonical().ignoring(List.of("user")));
        java.util.Set<CacheKey> keys = new java.util.HashSet<>();
        for (KeyRules rules : all) {
            KeyDeriver deriver = new KeyDeriver(secret);
            deriver.rules(java.util.Map.of(Endpoint.CHAT, rules));
            KeyBuffer key = new KeyBuffer();
            deriver.derive(
                    CacheRequest.of(Endpoint.CHAT, "sk", utf8("{\"model\":\"m\"}")), key, new KeyDeriver.Scratch());
            assertThat(keys.add(key.toKey())).as("%s", rules).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model",
                "messages",
                "input",
                "stream",
                "messages.name",
                "input.x",
                "",
                "a..b",
                ".a",
                "a.",
                "a*",
                "a[0]",
                "a b",
                "$.a",
                "a.b.c.d.e.f.g.h.i"
            })
    void w84_placesThatCannotBeIgnoredAreRefused(String place) {
        assertThatThrownBy(() -> KeyRules.NONE.ignoring(List.of(place))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void w84_thereAreAtMost64Places() {
        List<String> places = java.util.stream.IntStream.range(0, 65)
                .mapToObj(i -> "place" + i)
                .toList();
        assertThat(KeyRules.NONE.ignoring(places.subList(0, 64)).ignored()).hasSize(64);
        assertThatThrownBy(() -> KeyRules.NONE.ignoring(places)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void w40_canonicalKeysDependOnNeitherOrderNorSpelling() throws Exception {
        try (ResponseCache cache = cache(KeyRules.NONE.canonical().ignoring(List.of("user")))) {
            CacheKey key = key(cache, "{'model':'m','temperature':1,'tools':[{'a':1,'b':2}]}");
            assertThat(key(cache, "{'tools':[{'b':2.0,'a':1e0}] , 'temperature':1.0, 'user':'u', 'model':'\\u006d'}"))
                    .isEqualTo(key);
            assertThat(key(cache, "{'model':'m','temperature':1,'tools':[{'a':2,'b':1}]}"))
                    .isNotEqualTo(key);
            // These bodies have no canonical form, so they are compared as they are.
            assertThat(key(cache, "{'a':1,'a':2}")).isNotEqualTo(key(cache, "{'a':2,'a':1}"));
            assertThat(key(cache, "{'seed':9007199254740993}")).isNotEqualTo(key(cache, "{'seed':9007199254740992}"));
        }
    }
}
