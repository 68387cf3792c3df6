package dev.refrain.jmh;

import dev.refrain.engine.CacheKey;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The values that the peers store under the engine's keys: the answer with room for an id of the engine's length, plain
 * or as an LZ4 block.
 */
@State(Scope.Benchmark)
public class PeerAnswers {
    private static final int ID_AT = "{\"id\":\"".length();
    private static final int ID_LENGTH = 35;
    private static final int ID_FIXED = "gen-1767225600-".length();
    private static final String CREATED = "\"created\":";
    private static final byte[] LETTERS =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".getBytes(StandardCharsets.US_ASCII);

    private final LZ4Compressor compressor = LZ4Factory.nativeInstance().fastCompressor();
    private final LZ4SafeDecompressor decompressor = LZ4Factory.nativeInstance().safeDecompressor();
    private ChatAnswers answers;
    private byte[][] keys;
    private int createdAt;

    @Setup(Level.Trial)
    public void deriveKeys(Popularity popularity, ChatAnswers source, EmptyCache cache) {
        answers = source;
        keys = new byte[popularity.entries()][CacheKey.LENGTH];
        Requests requests = new Requests();
        for (int entry = 0; entry < keys.length; entry++) {
            cache.key(requests.to(entry)).copyTo(keys[entry], 0);
        }
        createdAt = new String(plain(0), StandardCharsets.US_ASCII).indexOf(CREATED) + CREATED.length();
    }

    int entries() {
        return keys.length;
    }

    byte[] key(int entry) {
        return keys[entry];
    }

    byte[] plain(int entry) {
        String answer = new String(answers.answer(entry), StandardCharsets.US_ASCII);
        int idEnd = answer.indexOf('"', ID_AT);
        return (answer.substring(0, idEnd) + "-".repeat(ID_LENGTH - (idEnd - ID_AT)) + answer.substring(idEnd))
                .getBytes(StandardCharsets.US_ASCII);
    }

    byte[] compressed(int entry) {
        return compressor.compress(plain(entry));
    }

    LZ4SafeDecompressor decompressor() {
        return decompressor;
    }

    /** Gives an answer a new id and the current time, as a hit needs (wire rule W25). Does this as the engine does. */
    byte[] patch(byte[] answer) {
        long seconds = System.currentTimeMillis() / 1000;
        answer[ID_AT] = 'g';
        answer[ID_AT + 1] = 'e';
        answer[ID_AT + 2] = 'n';
        answer[ID_AT + 3] = '-';
        digits(seconds, answer, ID_AT + 4);
        answer[ID_AT + 14] = '-';
        ThreadLocalRandom random = ThreadLocalRandom.current();
        letters(random.nextLong() >>> 1, answer, ID_AT + ID_FIXED);
        letters(random.nextLong() >>> 1, answer, ID_AT + ID_FIXED + 10);
        digits(seconds, answer, createdAt);
        return answer;
    }

    private static void digits(long number, byte[] into, int at) {
        long rest = number;
        for (int i = at + 9; i >= at; i--) {
            into[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
    }

    private static void letters(long number, byte[] into, int at) {
        long rest = number;
        for (int i = at; i < at + 10; i++) {
            into[i] = LETTERS[(int) (rest % LETTERS.length)];
            rest /= LETTERS.length;
        }
    }
}
