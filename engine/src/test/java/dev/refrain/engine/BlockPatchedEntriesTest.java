package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.ids.HitIds;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.internal.template.ZeroPaths;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.EntryBuffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Streams whose ids and times are patched in the compressed block, before decompression. */
class BlockPatchedEntriesTest {
    private static final List<String> WORDS = List.of("the", "of", "and", "to", "that", "was", "for", "with");
    private static final long NOW = 1_800_000_000_000L;

    private final EntryCodec codec = new EntryCodec(new HitIds(new byte[32]));
    private final EntryCodec.Scratch scratch = new EntryCodec.Scratch();
    private final CacheKey key = new CacheKey(Endpoint.CHAT, true, new byte[CacheKey.LENGTH], 0);

    private static String event(String id, String created, String content) {
        return "data: {\"id\":\"" + id + "\",\"object\":\"chat.completion.chunk\",\"created\":" + created
                + ",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + content
                + "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    }

    private static Template template(String stream) {
        AnswerCapture capture = AnswerCapture.of(
                Endpoint.CHAT,
                true,
                64 << 20,
                new ZeroPaths(ZeroPaths.DEFAULTS),
                new MemoryBudget(Long.MAX_VALUE).open());
        capture.append(ByteBuffer.wrap(stream.getBytes(StandardCharsets.UTF_8)));
        capture.append(ByteBuffer.wrap("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
                .getBytes(StandardCharsets.UTF_8)));
        capture.end();
        return capture.template();
    }

    private EntryBuffer encode(Template template) {
        EntryBuffer entry = new EntryBuffer(16);
        codec.encode(
                key, template, new EntryCodec.Facts("text/event-stream", null, 1000, 61_000, 250, 7), entry, scratch);
        return entry;
    }

    /** Decodes twice, each time from a fresh copy as a store gives it. The result must equal the patched template. */
    private EntryBuffer requireRight(String stream) {
        Template template = template(stream);
        EntryBuffer entry = encode(template);
        for (int i = 0; i < 2; i++) {
            EntryBuffer copy = new EntryBuffer(entry.length());
            System.arraycopy(entry.bytes(), 0, copy.resize(entry.length()), 0, entry.length());
            CachedResponse out = new CachedResponse();
            assertThat(codec.isIntact(bytes(key), copy, scratch)).isTrue();
            assertThat(codec.decode(copy, NOW + i * 1000L, out, scratch)).isTrue();
            byte[] expected = Arrays.copyOf(template.bytes(), template.length());
            byte[] time = Long.toString(NOW / 1000 + i).getBytes(StandardCharsets.US_ASCII);
            Template.patch(
                    template.patches(),
                    0,
                    template.patchesLength(),
                    template.patchCount(),
                    expected,
                    0,
                    expected.length,
                    out.generationIdBytes(),
                    time);
            assertThat(out.toByteArray()).isEqualTo(expected);
        }
        return entry;
    }

    private static String words(Random random, int count) {
        StringBuilder words = new StringBuilder();
        for (int i = 0; i < count; i++) {
            words.append(WORDS.get(random.nextInt(WORDS.size())))
                    .append(random.nextInt(100))
                    .append(' ');
        }
        return words.toString();
    }

    private static String stream(int events, Random random) {
        StringBuilder stream = new StringBuilder();
        for (int i = 0; i < events; i++) {
            stream.append(event("chatcmpl-123", "1767225600", words(random, random.nextInt(8))));
        }
        return stream.toString();
    }

    @Test
    void aLongStreamIsPatchedInItsBlockWithAlmostNoPatchTable() {
        Template template = template(stream(800, new Random(1)));
        EntryBuffer entry = requireRight(stream(800, new Random(1)));

        assertThat(EntryCodec.hasBlockPatches(entry.bytes())).isTrue();
        assertThat(template.patchCount()).isEqualTo(1600);
        assertThat(EntryCodec.beforeBody(entry.bytes())).isLessThan(200);
    }

    @Test
    void aShortStreamIsPatchedAfterDecompression() {
        assertThat(EntryCodec.hasBlockPatches(
                        requireRight(stream(5, new Random(1))).bytes()))
                .isFalse();
    }

    @Test
    void aVeryLongStreamIsPatchedAfterDecompression() {
        assertThat(EntryCodec.hasBlockPatches(
                        requireRight(stream(6_000, new Random(1))).bytes()))
                .isFalse();
    }

    @Test
    void contentThatLooksLikeIdsTimesAndPlaceholdersStaysAsItIs() {
        Random random = new Random(3);
        StringBuilder stream = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            stream.append(event(
                    "chatcmpl-123",
                    "1767225600",
                    switch (random.nextInt(4)) {
                        case 0 -> "0".repeat(random.nextInt(80));
                        case 1 -> "chatcmpl-123\\\",\\\"created\\\":1767225600";
                        case 2 -> "\\u0001\\u0002\\u0003";
                        default -> words(random, 3);
                    }));
        }
        requireRight(stream.toString());
    }

    /**
     * Marks for ids and times consist of bytes that JSON never contains. Such bytes may stand between events, and then
     * the compressed text contains a mark.
     */
    @Test
    void marksInTheAnswerItselfDoNoHarm() {
        StringBuilder marks = new StringBuilder("event: ");
        for (char c = 1; c < 0x20; c++) {
            if (c != '\t' && c != '\n' && c != '\r') {
                marks.append(c);
            }
        }
        StringBuilder stream = new StringBuilder();
        for (int i = 0; i < 50; i++) {
            stream.append(marks).append('\n').append(event("chatcmpl-123", "1767225600", "word " + i));
        }
        requireRight(stream.toString());
    }

    @Property(tries = 100)
    void aHitOfAnyStreamIsRight(@ForAll long seed, @ForAll @IntRange(min = 1, max = 200) int events) {
        Random random = new Random(seed);
        StringBuilder stream = new StringBuilder();
        boolean varies = random.nextBoolean();
        for (int i = 0; i < events; i++) {
            stream.append(event(
                    varies ? "chatcmpl-" + random.nextInt(3) : "chatcmpl-123",
                    varies ? Integer.toString(1767225600 + random.nextInt(2)) : "1767225600",
                    words(random, random.nextInt(random.nextInt(20) == 0 ? 400 : 12))));
        }
        requireRight(stream.toString());
    }

    /**
     * Decoding comes after the checksum. Should damage ever pass the checksum, decoding must still return false, and
     * never throw.
     */
    @Test
    void decodingGarbageNeverThrows() {
        Random random = new Random(7);
        EntryBuffer good = encode(template(stream(100, random)));
        assertThat(EntryCodec.hasBlockPatches(good.bytes())).isTrue();
        CachedResponse out = new CachedResponse();
        for (int round = 0; round < 20_000; round++) {
            EntryBuffer bad = new EntryBuffer(good.length());
            System.arraycopy(good.bytes(), 0, bad.resize(good.length()), 0, good.length());
            for (int i = random.nextInt(4); i >= 0; i--) {
                // Leaves the length of the body alone: changing it would only make this test slow.
                int at = random.nextInt(4) == 0 ? 28 + random.nextInt(100) : 28 + random.nextInt(good.length() - 28);
                bad.bytes()[at] = (byte) random.nextInt();
            }
            codec.decode(bad, NOW, out, scratch);
        }
    }

    private static byte[] bytes(CacheKey key) {
        return new KeyBuffer().set(key).bytes();
    }
}
