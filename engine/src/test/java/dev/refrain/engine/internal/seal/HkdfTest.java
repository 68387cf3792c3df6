package dev.refrain.engine.internal.seal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The test vectors of RFC 5869, appendix A, for SHA-256. */
class HkdfTest {
    private static final String A2_MATERIAL = ascending(0x00, 80);
    private static final String A2_SALT = ascending(0x60, 80);
    private static final String A2_INFO = ascending(0xb0, 80);

    private final Hkdf hkdf = new Hkdf();

    private static String ascending(int first, int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) (first + i);
        }
        return HexFormat.of().formatHex(bytes);
    }

    private static byte[] hex(String text) {
        return text == null ? new byte[0] : HexFormat.of().parseHex(text);
    }

    private void check(String material, String salt, String info, String key, String output) {
        byte[] extracted = hkdf.extract(hex(salt), hex(material));
        assertThat(extracted).isEqualTo(hex(key));
        assertThat(hkdf.expand(extracted, output.length() / 2, hex(info))).isEqualTo(hex(output));
    }

    @ParameterizedTest
    @CsvSource({
        // A.1
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b, 000102030405060708090a0b0c, f0f1f2f3f4f5f6f7f8f9,"
                + "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5,"
                + "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        // A.3
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b,,,"
                + "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04,"
                + "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    })
    void shortInputs(String material, String salt, String info, String key, String output) {
        check(material, salt, info, key, output);
    }

    /** A.2. */
    @Test
    void longInputsAndThreeBlocks() {
        check(
                A2_MATERIAL,
                A2_SALT,
                A2_INFO,
                "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                        + "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                        + "cc30c58179ec3e87c14c01d5c1f3434f1d87");
    }

    @Test
    void infoInPiecesIsInfoInOne() {
        byte[] key = hkdf.extract(hex(A2_SALT), hex(A2_MATERIAL));
        assertThat(hkdf.expand(key, 82, hex(A2_INFO.substring(0, 20)), hex(A2_INFO.substring(20))))
                .isEqualTo(hkdf.expand(key, 82, hex(A2_INFO)));
    }

    @Test
    void boundsOfTheRfcHold() {
        byte[] key = new byte[Hkdf.HASH_LENGTH];
        assertThat(hkdf.expand(key, Hkdf.MAX_LENGTH)).hasSize(8160);
        assertThatThrownBy(() -> hkdf.expand(key, Hkdf.MAX_LENGTH + 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> hkdf.expand(key, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> hkdf.expand(new byte[31], 32)).isInstanceOf(IllegalArgumentException.class);
    }
}
