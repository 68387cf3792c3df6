package dev.refrain.semantics.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeadDigestTest {
    /**
     * Values of SipHash's reference implementation with {@code -DcROUNDS=1 -DdROUNDS=3}, for messages 00 01 02 and so
     * on of the given number of words.
     */
    @ParameterizedTest
    @CsvSource({
        "0,e77ebcb22788a5befd62db6add303001",
        "1,aa12fee1d5e3dab4724f16ab35f9c799",
        "2,d0a8d95715518eebb513b0f83d9e1793"
    })
    void itIsSipHash(int words, String expected) {
        HeadDigest digest = new HeadDigest(0x0706050403020100L, 0x0F0E0D0C0B0A0908L);
        for (int word = 0; word < words; word++) {
            digest.word(0x0706050403020100L + 0x0808080808080808L * word);
        }
        HeadDigest.Value value = digest.end();
        HexFormat hex = HexFormat.of();
        assertThat(hex.toHexDigits(Long.reverseBytes(value.first()))
                        + hex.toHexDigits(Long.reverseBytes(value.second())))
                .isEqualTo(expected);
    }

    @Test
    void boundariesOfPartsCount() {
        List<HeadDigest.Value> values = List.of(
                new HeadDigest().end(),
                new HeadDigest().add(null).end(),
                new HeadDigest().addAll(null).end(),
                new HeadDigest().add("").end(),
                new HeadDigest().addAll(List.of()).end(),
                new HeadDigest().add("").add("").end(),
                new HeadDigest().addAll(List.of("")).end(),
                new HeadDigest().add("ab").add("c").end(),
                new HeadDigest().add("a").add("bc").end(),
                new HeadDigest().add("abc").end(),
                new HeadDigest().addAll(List.of("a", "bc")).end(),
                new HeadDigest().addAll(List.of("abc")).end(),
                new HeadDigest().add("\0").end(),
                new HeadDigest().add("\0\0").end(),
                new HeadDigest().add("\u0100").end(),
                new HeadDigest().add("\u0100\u0100\u0100").end(),
                new HeadDigest().add("\u0001").end(),
                new HeadDigest().add("\u2001").end(),
                new HeadDigest().add("ababcdcd").end(),
                new HeadDigest().add("\u6261\u6261\u6463\u6463").end());
        assertThat(values).doesNotHaveDuplicates();
    }

    @Property(tries = 500)
    void equalPartsHaveOneDigest(@ForAll List<String> one, @ForAll List<String> other) {
        assertThat(of(one))
                .isEqualTo(of(Arrays.asList(one.stream().map(String::new).toArray(String[]::new))));
        assertThat(of(one).equals(of(other))).isEqualTo(one.equals(other));
    }

    private static HeadDigest.Value of(List<String> parts) {
        return new HeadDigest().add("x").addAll(parts).end();
    }
}
