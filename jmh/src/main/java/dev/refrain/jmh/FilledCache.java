package dev.refrain.jmh;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A cache on disk that has an answer to every request. */
@State(Scope.Benchmark)
public class FilledCache {
    /** Memory for copies of frequent answers, in MiB; a negative number for the default. */
    @Param("-1")
    private int hotMib = -1;

    private boolean seal;

    private TemporaryCache temporary;
    private CacheKey[] keys;

    public FilledCache() {}

    /** For programs that do not use JMH; without copies of answers in memory. */
    FilledCache(boolean seal) {
        this.hotMib = 0;
        this.seal = seal;
    }

    @Setup(Level.Trial)
    public void fill(Popularity popularity, ChatAnswers answers) throws IOException {
        int entries = popularity.entries();
        temporary = new TemporaryCache(
                answers.roomyCapacity(entries),
                settings ->
                        hotMib < 0 ? settings.seal(seal) : settings.seal(seal).hotBytes((long) hotMib << 20));
        keys = new CacheKey[entries];
        Requests requests = new Requests();
        for (int entry = 0; entry < entries; entry++) {
            CacheRequest request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.to(entry));
            keys[entry] = cache().key(request).orElseThrow();
            cache().store(keys[entry], ChatAnswers.CONTENT_TYPE, answers.answer(entry), CacheControls.MAX_TTL);
        }
        if (cache().admin().stats().store().entries() != entries) {
            throw new IllegalStateException(
                    "Not every answer found room: " + cache().admin().stats());
        }
    }

    @TearDown(Level.Trial)
    public void close() throws IOException {
        temporary.close();
    }

    ResponseCache cache() {
        return temporary.cache();
    }

    CacheKey key(int entry) {
        return keys[entry];
    }
}
