package dev.refrain.engine.internal.seal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.zip.CRC32C;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class EntrySealTest {
    private static final byte[] KEY = filled(32, 1);
    private static final ScopeKey SCOPE = new ScopeKey(filled(32, 2));
    private static final int STARTED_LENGTH = Long.BYTES;

    private final EntrySeal seal = new EntrySeal();
    private final EntryBuffer opened = new EntryBuffer(0);

    private static byte[] filled(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    /** An intact entry of random bytes. */
    private static EntryBuffer entry(int length, long seed) {
        EntryBuffer entry = new EntryBuffer(length);
        new Random(seed).nextBytes(entry.resize(length));
        entry.bytes()[EntryHead.KIND] = 5;
        EntryChecksum.write(KEY, entry.bytes(), length, new CRC32C());
        return entry;
    }

    private EntryBuffer sealed(EntryBuffer open) {
        EntryBuffer sealed = new EntryBuffer(0);
        seal.seal(SCOPE, KEY, open, 123_456_789_000_000L, sealed);
        return sealed;
    }

    private static byte[] content(EntryBuffer buffer) {
        return Arrays.copyOf(buffer.bytes(), buffer.length());
    }

    private static EntryBuffer buffer(byte[] content) {
        EntryBuffer buffer = new EntryBuffer(content.length);
        System.arraycopy(content, 0, buffer.resize(content.length), 0, content.length);
        return buffer;
    }

    /** An attacker who knows the format can correct the checksum: it is not secret. */
    private static EntryBuffer withRightChecksum(byte[] key, byte[] content) {
        if (content.length > 4) {
            EntryChecksum.write(key, content, content.length, new CRC32C());
        }
        return buffer(content);
    }

    @Property(tries = 200)
    void aSealedEntryOpensAsItWas(@ForAll @IntRange(min = 64, max = 5_000) int length, @ForAll long seed) {
        EntryBuffer open = entry(length, seed);
        EntryBuffer sealed = sealed(open);
        assertThat(sealed.length()).isEqualTo(length + EntrySeal.OVERHEAD);
        assertThat(EntryChecksum.matches(KEY, sealed.bytes(), sealed.length(), new CRC32C()))
                .isTrue();
        assertThat(seal.open(SCOPE, KEY, sealed, opened)).isTrue();
        assertThat(content(opened)).isEqualTo(content(open));
    }

    @Test
    void aLongEntryOpensAsItWas() {
        EntryBuffer open = entry(16 << 20, 1);
        assertThat(seal.open(SCOPE, KEY, sealed(open), opened)).isTrue();
        assertThat(Arrays.equals(content(opened), content(open))).isTrue();
    }

    @Test
    void theHeadStaysReadableForStores() {
        EntryBuffer open = entry(500, 7);
        EntryBuffer sealed = sealed(open);
        byte[] head = sealed.bytes();
        assertThat(head[EntryHead.KIND]).isEqualTo(EntrySeal.KIND);
        assertThat(EntryHead.storedAt(head)).isEqualTo(EntryHead.storedAt(open.bytes()));
        assertThat(EntryHead.expiresAt(head)).isEqualTo(EntryHead.expiresAt(open.bytes()));
        assertThat(EntryHead.scope(head)).isEqualTo(EntryHead.scope(open.bytes()));
        assertThat(EntryHead.model(head)).isEqualTo(EntryHead.model(open.bytes()));
        assertThat(Arrays.copyOfRange(head, EntryHead.TOKENS, EntryHead.FETCH_MILLIS + 4))
                .isEqualTo(Arrays.copyOfRange(open.bytes(), EntryHead.TOKENS, EntryHead.FETCH_MILLIS + 4));
        assertThat(EntrySeal.started(head)).isEqualTo(123_456_789_000_000L);
    }

    /** The checksum is corrected, so that the cipher has to notice. */
    @Property(tries = 100)
    void noBitCanBeFlipped(@ForAll @IntRange(min = 64, max = 400) int length, @ForAll @IntRange(max = 31) int bit) {
        byte[] sealed = content(sealed(entry(length, length)));
        for (int at = 4; at < sealed.length; at++) {
            byte[] changed = sealed.clone();
            changed[at] ^= (byte) (1 << (bit & 7));
            assertThat(seal.open(SCOPE, KEY, withRightChecksum(KEY, changed), opened))
                    .as("bit %d of byte %d of %d", bit & 7, at, sealed.length)
                    .isFalse();
        }
        byte[] checksum = sealed.clone();
        checksum[bit >> 3] ^= (byte) (1 << (bit & 7));
        assertThat(seal.open(SCOPE, KEY, buffer(checksum), opened)).isFalse();
    }

    @Property(tries = 50)
    void nothingCanBeCutOffOrAdded(@ForAll @IntRange(min = 64, max = 400) int length, @ForAll byte added) {
        byte[] sealed = content(sealed(entry(length, length)));
        for (int left = 0; left < sealed.length; left++) {
            assertThat(seal.open(SCOPE, KEY, withRightChecksum(KEY, Arrays.copyOf(sealed, left)), opened))
                    .isFalse();
        }
        byte[] longer = Arrays.copyOf(sealed, sealed.length + 1);
        longer[sealed.length] = added;
        assertThat(seal.open(SCOPE, KEY, withRightChecksum(KEY, longer), opened))
                .isFalse();
    }

    @Property(tries = 100)
    void opensOnlyForItsKeyAndScope(
            @ForAll @Size(32) byte[] otherKey, @ForAll @Size(32) byte[] otherScope, @ForAll long seed) {
        byte[] sealed = content(sealed(entry(300, seed)));
        byte[] nextKey = KEY.clone();
        nextKey[(int) (seed & 31)] ^= 1;
        for (byte[] key : new byte[][] {otherKey, nextKey}) {
            assertThat(seal.open(SCOPE, key, withRightChecksum(key, sealed.clone()), opened))
                    .isEqualTo(Arrays.equals(key, KEY));
        }
        assertThat(seal.open(new ScopeKey(otherScope), KEY, buffer(sealed), opened))
                .isEqualTo(Arrays.equals(otherScope, SCOPE.bytes()));
    }

    @Property(tries = 500)
    void arbitraryBytesAreNoEntry(@ForAll @Size(max = 400) byte[] bytes) {
        byte[] crafted = bytes.clone();
        if (crafted.length > 5) {
            crafted[4] = EntrySeal.KIND;
            crafted[5] = 1;
        }
        assertThat(seal.open(SCOPE, KEY, withRightChecksum(KEY, crafted), opened))
                .isFalse();
    }

    /** A reused buffer holds other bytes behind its end. */
    @Test
    void bytesBehindTheEndDoNotMatter() {
        EntryBuffer open = entry(200, 3);
        EntryBuffer sealed = new EntryBuffer(10_000);
        Arrays.fill(sealed.bytes(), (byte) 9);
        seal.seal(SCOPE, KEY, open, 0, sealed);
        sealed.resize(9_000);
        sealed.resize(200 + EntrySeal.OVERHEAD);
        assertThat(seal.open(SCOPE, KEY, sealed, opened)).isTrue();
        assertThat(content(opened)).isEqualTo(content(open));
    }

    @Test
    void sealingAnEntryTwiceGivesDifferentBytes() {
        EntryBuffer open = entry(100, 5);
        Set<String> salts = new HashSet<>();
        Set<String> ciphertexts = new HashSet<>();
        for (int i = 0; i < 2_000; i++) {
            byte[] sealed = content(sealed(open));
            salts.add(Arrays.toString(Arrays.copyOfRange(sealed, 64, 96)));
            ciphertexts.add(Arrays.toString(Arrays.copyOfRange(sealed, 96, 104)));
        }
        assertThat(salts).hasSize(2_000);
        assertThat(ciphertexts).hasSize(2_000);
    }

    /** Neither the text itself, nor anything to verify a guess of it. */
    @Test
    void nothingOfTheContentIsVisible() {
        byte[] text = "the quick brown fox jumps over the lazy dog, again and again".getBytes(StandardCharsets.UTF_8);
        EntryBuffer open = entry(64 + text.length, 8);
        System.arraycopy(text, 0, open.bytes(), 64, text.length);
        EntryChecksum.write(KEY, open.bytes(), open.length(), new CRC32C());
        byte[] sealed = content(sealed(open));
        String seen = new String(sealed, StandardCharsets.ISO_8859_1);
        for (int at = 0; at + 4 <= text.length; at++) {
            assertThat(seen).doesNotContain(new String(text, at, 4, StandardCharsets.ISO_8859_1));
        }
        assertThat(seen).doesNotContain(new String(open.bytes(), 0, 4, StandardCharsets.ISO_8859_1));
        // The places of the lengths in an open entry's head are zero.
        assertThat(Arrays.copyOfRange(sealed, 24 + STARTED_LENGTH, 36)).containsOnly(0);
        assertThat(Arrays.copyOfRange(sealed, 44, 48)).containsOnly(0);
        assertThat(Arrays.copyOfRange(sealed, 6, 8)).containsOnly(0);
    }

    @Test
    void toStringOfAKeyRevealsNothing() {
        assertThat(SCOPE.toString()).doesNotContain("2");
    }
}
