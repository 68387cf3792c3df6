package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.semantics.answer.RequestId;
import dev.refrain.semantics.caller.Caller;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Records are read as they were written. Damaged bytes are rejected or read as other records, and do no other harm. */
class RecordCodecTest {
    /** Every request reaches a batch through this queue. */
    private static final FactsQueue QUEUE = new FactsQueue();

    @Property(tries = 200)
    void recordsAreReadAsTheyWereWritten(@ForAll long seed, @ForAll @IntRange(max = 50) int count) {
        Random random = new Random(seed);
        RecordCodec codec = new RecordCodec();
        List<Activity> expected = new java.util.ArrayList<>();
        for (int i = 0; i < count; i++) {
            expected.add(add(codec, random, 1000 + i));
        }
        assertThat(codec.records()).isEqualTo(count);
        assertThat(RecordCodec.decode(codec.copy(), 1000)).isEqualTo(expected);
    }

    /** Each version appends one text to the record of the version before: policies, namespaces, ids of requests. */
    @Property(tries = 200)
    void batchesOfEarlierVersionsAreRead(@ForAll long seed) {
        Random random = new Random(seed);
        RecordCodec codec = new RecordCodec();
        Activity expected = add(codec, random, 7, null);
        byte[] bytes = codec.copy();
        for (int version = 3; version >= (expected.policy() == null ? 1 : 2); version--) {
            bytes[0] = (byte) version;
            byte[] earlier = java.util.Arrays.copyOf(bytes, bytes.length - 4 + version);
            List<Activity> read = RecordCodec.decode(earlier, 7);
            assertThat(read)
                    .usingRecursiveFieldByFieldElementComparatorIgnoringFields("requestId")
                    .containsExactly(expected);
            assertThat(read.get(0).requestId()).isNull();
        }
    }

    @Property(tries = 500)
    void damagedBytesDoNoHarm(@ForAll long seed, @ForAll @IntRange(max = 5000) int at, @ForAll byte value) {
        Random random = new Random(seed);
        RecordCodec codec = new RecordCodec();
        for (int i = 0; i < 20; i++) {
            add(codec, random, i);
        }
        byte[] bytes = codec.copy();
        bytes[at % bytes.length] = value;
        read(bytes);
        read(java.util.Arrays.copyOf(bytes, at % bytes.length));
    }

    @Property(tries = 500)
    void anyBytesDoNoHarm(@ForAll byte[] bytes) {
        read(bytes);
    }

    private static void read(byte[] bytes) {
        try {
            RecordCodec.decode(bytes, 1);
        } catch (IllegalArgumentException noticed) {
            assertThat(noticed).hasMessageNotContaining("null");
        }
    }

    private static Activity add(RecordCodec codec, Random random, long sequence) {
        return add(codec, random, sequence, pick(random, null, "mine/1", "x".repeat(128), "", RequestId.make(7)));
    }

    private static Activity add(RecordCodec codec, Random random, long sequence, String requestId) {
        Endpoint endpoint = pick(random, Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES, Endpoint.EMBEDDINGS);
        Account account = new Account(null, endpoint, 0, null);
        String id = pick(random, null, "chatcmpl-ü", GenerationId.mint(random.nextInt(Integer.MAX_VALUE)), "gen-x", "");
        String model = pick(random, null, "m", "openai/gpt", "模型", "long ".repeat(40), "also long ".repeat(40));
        String preset = pick(random, null, "p");
        boolean streamed = random.nextBoolean();
        account.request(model, preset, streamed);
        String policy = pick(random, null, "policies[0]", "evals");
        account.policy(policy);
        account.requestId(requestId);
        CacheKey key = random.nextBoolean() ? null : new CacheKey(endpoint, streamed, new byte[32], 0);
        String tag = String.format("%016x", random.nextLong());
        Caller scope = random.nextBoolean() ? null : new Caller(null, pick(random, tag.substring(12), "team"), tag);
        Savings savings = new Savings(new AnswerFacts(null, 1, 1, 2, AnswerFacts.UNKNOWN, null), 3);
        CacheOutcome outcome = switch (random.nextInt(6)) {
            case 0 -> new CacheOutcome.Hit(1, 2, pick(random, null, "s1", "s2", GenerationId.mint(7)), savings);
            case 1 -> new CacheOutcome.Collapsed(1, "s1", ForwardReason.MISS, () -> savings);
            case 2 -> new CacheOutcome.HitOnError(new CacheOutcome.Hit(1, 2, "s3", savings), ForwardReason.STALE, 500);
            case 3 -> new CacheOutcome.Miss(1, true);
            case 4 -> new CacheOutcome.Bypass(BypassReason.BACKGROUND);
            default -> null;
        };
        account.expect(outcome, key);
        long[] n = random.longs(12, 0, 1L << random.nextInt(1, 60)).toArray();
        boolean cut = random.nextBoolean();
        int status = 100 + random.nextInt(500);
        account.restore(scope, id, status, n[0], n[1], n[2], n[3], cut);
        Cost cost = new Cost(n[4] - 1, n[5] - 1, n[10], n[6], n[7], n[8] - 1, n[9] - 1);
        assertThat(QUEUE.offer(account, cost)).isTrue();
        assertThat(QUEUE.drain(codec::add)).isEqualTo(1);
        return new Activity(
                sequence,
                id,
                n[3] - n[0] / 1_000_000,
                endpoint,
                model == null || model.length() <= Facts.LONGEST_TEXT ? model : model.substring(0, Facts.LONGEST_TEXT),
                preset,
                scope == null ? null : scope.label(),
                scope == null ? null : scope.tag(),
                streamed,
                status,
                account.outcome(),
                account.reason(),
                account.sourceId(),
                key == null ? null : key.shortDigest(),
                n[0] / 1000,
                n[1] / 1000,
                n[2],
                n[4] - 1,
                n[5] - 1,
                n[6],
                n[7],
                n[8] - 1,
                n[9] - 1,
                null,
                cut,
                policy,
                null,
                requestId == null ? id : requestId);
    }

    @SafeVarargs
    private static <T> T pick(Random random, T... values) {
        return values[random.nextInt(values.length)];
    }
}
