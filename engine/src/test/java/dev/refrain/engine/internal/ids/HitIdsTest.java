package dev.refrain.engine.internal.ids;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.GenerationId;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class HitIdsTest {
    private final HitIds ids = new HitIds(secret(1));

    private static byte[] secret(int seed) {
        byte[] secret = new byte[32];
        secret[7] = (byte) seed;
        return secret;
    }

    private static String write(HitIds ids, long tag, IdRandom random) {
        byte[] id = new byte[IdFormat.LENGTH];
        ids.write(1_800_000_000L, tag, random, id);
        return new String(id, StandardCharsets.ISO_8859_1);
    }

    /** From the test vectors that the authors publish with their own program, for the message 00 01 .. 07. */
    @Test
    void sipHashIsTheOneOfItsAuthors() {
        byte[] key = new byte[SipHash.KEY_LENGTH];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) i;
        }
        assertThat(new SipHash(key).of(0x0706050403020100L)).isEqualTo(0x93F5F5799A932462L);
    }

    @Property(tries = 500)
    void w26b_anIdCarriesItsTagForAHolderOfTheSecret(@ForAll @LongRange(min = 0, max = IdFormat.HALF - 1) long tag) {
        String id = write(new HitIds(secret(1)), tag, IdRandom.shared());

        assertThat(id).matches("gen-1800000000-[A-Za-z0-9]{20}");
        assertThat(IdFormat.isOne(id)).isTrue();
        assertThat(ids.tag(id)).isEqualTo(tag);
        assertThat(new HitIds(secret(2)).tag(id)).isNotEqualTo(tag);
    }

    @Test
    void w24_idsOfOneAnswerHaveNothingInCommon() {
        IdRandom random = new IdRandom();
        Set<String> firsts = new HashSet<>();
        Set<String> seconds = new HashSet<>();
        for (int i = 0; i < 10_000; i++) {
            String id = write(ids, 42, random);
            firsts.add(id.substring(15, 25));
            seconds.add(id.substring(25));
        }
        assertThat(firsts).hasSize(10_000);
        assertThat(seconds).hasSize(10_000);
    }

    /** Two generators with the same counter must not collide, as they would if their states shared 64 bits. */
    @Test
    void w24_generatorsDoNotRepeatEachOther() {
        Set<Long> seen = new HashSet<>();
        for (int generator = 0; generator < 100; generator++) {
            IdRandom random = new IdRandom();
            for (int i = 0; i < 100; i++) {
                long next = random.next();
                assertThat(next).isBetween(0L, IdFormat.HALF - 1);
                seen.add(next);
            }
        }
        assertThat(seen).hasSize(10_000);
    }

    @Test
    void anIdThatIsNotOursIsRecognisedByItsForm() {
        String id = GenerationId.mint(1_800_000_000L);
        assertThat(IdFormat.isOne(id)).isTrue();
        for (String other : new String[] {
            "",
            "resp_1",
            id + "A",
            id.substring(1),
            "Gen" + id.substring(3),
            id.replace('-', '_'),
            id.substring(0, 34) + "-",
            id.substring(0, 34) + "\u00e4",
            "gen-18000x0000-" + id.substring(15)
        }) {
            assertThat(IdFormat.isOne(other)).as(other).isFalse();
        }
    }
}
