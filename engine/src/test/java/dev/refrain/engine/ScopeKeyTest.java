package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.internal.seal.ScopeKey;
import dev.refrain.engine.spi.EntryBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** Only the owner of the credentials, with the cluster's secret, can open what was sealed with them. */
class ScopeKeyTest {
    private static final byte[] SECRET = "a secret of thirty-two or more bytes".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] KEY = new byte[32];

    private final EntrySeal seal = new EntrySeal();
    private final KeyDeriver cluster = KeyDeriver.ofCluster(SECRET);

    private boolean opens(CacheScope by, CacheScope sealedFor) {
        EntryBuffer entry = new EntryBuffer(100);
        entry.resize(100);
        EntryChecksum.write(KEY, entry.bytes(), 100, new CRC32C());
        EntryBuffer sealed = new EntryBuffer(0);
        seal.seal(sealedFor.sealKey(), KEY, entry, 0, sealed);
        return seal.open(by.sealKey(), KEY, sealed, new EntryBuffer(0));
    }

    @Test
    void theSameCredentialsOpenOnEveryMachineOfTheCluster() {
        KeyDeriver other = KeyDeriver.ofCluster(SECRET.clone());
        assertThat(opens(other.scope("sk-1"), cluster.scope("sk-1"))).isTrue();
        assertThat(opens(other.scope(List.of("a", "1")), cluster.scope(List.of("a", "1"))))
                .isTrue();
        assertThat(other.scope("sk-1")).isEqualTo(cluster.scope("sk-1"));
    }

    /**
     * Each caller opens only what was sealed for it. A list of one credential is another caller than the same
     * credential without a list.
     */
    @Test
    void otherCredentialsDoNotOpen() {
        List<CacheScope> scopes = new ArrayList<>();
        for (String key : List.of("", "sk-1", "sk-2", "sk-1 ")) {
            scopes.add(cluster.scope(key));
        }
        scopes.add(cluster.scope(List.of()));
        scopes.add(cluster.scope(List.of("sk-1")));
        scopes.add(cluster.scope(List.of("sk-", "1")));
        for (CacheScope by : scopes) {
            for (CacheScope sealedFor : scopes) {
                assertThat(opens(by, sealedFor)).isEqualTo(by.equals(sealedFor));
            }
        }
    }

    @Test
    void anotherSecretDoesNotOpen() {
        byte[] wrong = SECRET.clone();
        wrong[0] ^= 1;
        KeyDeriver stranger = KeyDeriver.ofCluster(wrong);
        assertThat(opens(stranger.scope("sk-1"), cluster.scope("sk-1"))).isFalse();
        assertThat(stranger.scope("sk-1")).isNotEqualTo(cluster.scope("sk-1"));
    }

    /**
     * The scope is an HMAC of the same credentials, and entries show its first bytes. So the scope must not be the key.
     */
    @Test
    void theScopeIsNotTheKey() {
        CacheScope scope = cluster.scope("sk-1");
        CacheScope crafted = new CacheScope(scope.bytes(), new ScopeKey(scope.bytes()));
        assertThat(opens(crafted, scope)).isFalse();
        assertThat(scope.toString()).isEqualTo(scope.hexTag().substring(0, 12));
    }

    /** Caches without a shared tier keep the scopes that they had before clusters existed, and have no key. */
    @Test
    void withoutAClusterNothingIsSealed() {
        byte[] secret = new byte[32];
        Arrays.fill(secret, (byte) 3);
        CacheScope scope = new KeyDeriver(secret).scope("sk-1");
        assertThat(scope.sealKey()).isNull();
        assertThat(scope.hexTag()).isEqualTo(hmacTag(secret, new byte[] {'s', 'k', '-', '1'}));
        assertThat(new KeyDeriver(secret).scope(List.of("a")).hexTag())
                .isEqualTo(hmacTag(secret, new byte[] {(byte) 0xFF, 1, 1, 0, 0, 0, 'a'}));
    }

    private static String hmacTag(byte[] secret, byte[] message) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return HexFormat.of().formatHex(mac.doFinal(message), 0, 8);
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }
}
