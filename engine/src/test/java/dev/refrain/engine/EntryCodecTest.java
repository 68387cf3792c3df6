package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.internal.ids.HitIds;
import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.internal.template.ZeroPaths;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.EntryBuffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class EntryCodecTest {
    private final EntryCodec codec = new EntryCodec(new HitIds(new byte[32]));
    private final EntryCodec.Scratch scratch = new EntryCodec.Scratch();
    private final CacheKey key = key(1);

    private static CacheKey key(int seed) {
        byte[] digest = new byte[CacheKey.LENGTH];
        Arrays.fill(digest, (byte) seed);
        return new CacheKey(Endpoint.CHAT, false, digest, 0);
    }

    private EntryBuffer encode(String answer) {
        AnswerCapture capture = AnswerCapture.of(
                Endpoint.CHAT,
                false,
                1 << 20,
                new ZeroPaths(ZeroPaths.DEFAULTS),
                new MemoryBudget(Long.MAX_VALUE).open());
        capture.append(ByteBuffer.wrap(utf8(answer)));
        capture.end();
        Template template = capture.template();
        EntryBuffer entry = new EntryBuffer(16);
        codec.encode(
                key, template, new EntryCodec.Facts("application/json", "gen-1", 1000, 61_000, 250, 7), entry, scratch);
        return entry;
    }

    @Test
    void compressibleAnswersAreStoredSmaller() {
        String answer = CHAT_ANSWER.replace("Hello", "again and ".repeat(1000));
        EntryBuffer entry = encode(answer);
        CachedResponse out = new CachedResponse();
        assertThat(entry.length()).isLessThan(1000);
        assertThat(codec.isIntact(bytes(key), entry, scratch)).isTrue();
        assertThat(codec.decode(entry, 3000, out, scratch)).isTrue();
        assertThat(out.length()).isEqualTo(answer.length() + IdFormat.LENGTH - "chatcmpl-1".length() - 2);
        assertThat(out.ageSeconds()).isEqualTo(2);
        assertThat(out.ttlSeconds()).isEqualTo(58);
    }

    @Test
    void incompressibleAnswersAreStoredAsTheyAre() {
        String answer = "{\"x\":\"" + Base64.getEncoder().encodeToString(random(9000))
                + "\",\"choices\":[{\"finish_reason\":\"stop\"}]}";
        EntryBuffer entry = encode(answer);
        CachedResponse out = new CachedResponse();
        assertThat(codec.decode(entry, 3000, out, scratch)).isTrue();
        assertThat(out.toByteArray()).isEqualTo(utf8(answer));
    }

    @Test
    void everyFlippedBitIsFound() {
        EntryBuffer entry = encode(CHAT_ANSWER);
        for (int bit = 0; bit < entry.length() * 8; bit++) {
            entry.bytes()[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(codec.isIntact(bytes(key), entry, scratch))
                    .as("bit %d", bit)
                    .isFalse();
            entry.bytes()[bit / 8] ^= (byte) (1 << bit % 8);
        }
        assertThat(codec.isIntact(bytes(key), entry, scratch)).isTrue();
    }

    @Test
    void anEntryUnderAnotherKeyIsNotIntact() {
        assertThat(codec.isIntact(bytes(key(2)), encode(CHAT_ANSWER), scratch)).isFalse();
    }

    /** Lengths and placeholders in an entry are checked, even if its checksum is right. */
    @Test
    void f54_craftedEntriesDecodeToNothingOrWithinTheirBounds() {
        int[] extremes = {0, 1, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 30, 1 << 20};
        int[] fields = {24, 28, 32, 44, 5};
        Random random = new Random(54);
        for (String answer : new String[] {CHAT_ANSWER, CHAT_ANSWER.replace("Hello", "again and ".repeat(1000))}) {
            for (int round = 0; round < 3_000; round++) {
                EntryBuffer entry = encode(answer);
                for (int i = random.nextInt(3); i >= 0; i--) {
                    int value = random.nextBoolean() ? extremes[random.nextInt(extremes.length)] : random.nextInt();
                    ByteBuffer.wrap(entry.bytes())
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putInt(fields[random.nextInt(fields.length)], value);
                }
                if (random.nextInt(4) == 0) {
                    // Somewhere in labels, patch table or body.
                    entry.bytes()[68 + random.nextInt(entry.length() - 68)] = (byte) random.nextInt();
                }
                byte[] digest = new byte[CacheKey.LENGTH];
                key.copyTo(digest, 0);
                EntryChecksum.write(digest, entry.bytes(), entry.length(), new CRC32C());
                CachedResponse out = new CachedResponse();
                if (codec.isIntact(bytes(key), entry, scratch) && codec.decode(entry, 3000, out, scratch)) {
                    assertThat(out.length()).isLessThanOrEqualTo(255 * entry.length());
                }
            }
        }
    }

    @Test
    void f54_aBodyOfAGibibyteTakesNoMemory() {
        EntryBuffer entry = encode(CHAT_ANSWER.replace("Hello", "again and ".repeat(1000)));
        ByteBuffer.wrap(entry.bytes()).order(ByteOrder.LITTLE_ENDIAN).putInt(24, 1 << 30);
        CachedResponse out = new CachedResponse();
        assertThat(codec.decode(entry, 3000, out, scratch)).isFalse();
        assertThat(out.body().bytes().length).isLessThan(1 << 20);
    }

    @Test
    void everyTruncationIsFound() {
        EntryBuffer entry = encode(CHAT_ANSWER);
        for (int length = entry.length() - 1; length >= 0; length--) {
            entry.resize(length);
            assertThat(codec.isIntact(bytes(key), entry, scratch)).isFalse();
        }
    }

    /**
     * Decoding comes after the checksum. Should damage ever pass the checksum, decoding must still return false, and
     * never throw.
     */
    @Test
    void decodingGarbageNeverThrows() {
        Random random = new Random(7);
        EntryBuffer good = encode(CHAT_ANSWER);
        byte[] original = Arrays.copyOf(good.bytes(), good.length());
        CachedResponse out = new CachedResponse();
        for (int round = 0; round < 20_000; round++) {
            EntryBuffer entry = new EntryBuffer(original.length);
            System.arraycopy(original, 0, entry.resize(original.length), 0, original.length);
            for (int i = random.nextInt(4); i >= 0; i--) {
                // Leaves the body's length alone: with it, this test could allocate gigabytes.
                int at = random.nextInt(original.length);
                if (at < 24 || at >= 28) {
                    entry.bytes()[at] = (byte) random.nextInt();
                }
            }
            codec.decode(entry, 3000, out, scratch);
        }
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(3).nextBytes(bytes);
        return bytes;
    }

    private static byte[] bytes(CacheKey key) {
        return new KeyBuffer().set(key).bytes();
    }
}
