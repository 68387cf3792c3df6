package dev.refrain.embedder;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A program on the class path whose engine is on the module path. It has a package of its own, because the engine's
 * packages belong to its module.
 */
public final class ModularEmbedder {
    private ModularEmbedder() {}

    public static void main(String[] arguments) throws IOException, ClassNotFoundException {
        try (ResponseCache cache = ResponseCache.open(Path.of(arguments[0]), 16L << 20)) {
            String request = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}";
            String answer = "{\"id\":\"a\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
                    + "\"choices\":[{\"index\":0,"
                    + "\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"}}]}";
            CacheKey key = cache.key(CacheRequest.of(Endpoint.CHAT, "a key", request.getBytes(UTF_8)))
                    .orElseThrow();
            if (!cache.store(key, "application/json", answer.getBytes(UTF_8), Duration.ofMinutes(5))
                    || !cache.lookup(key, new CachedResponse())) {
                throw new AssertionError("not found");
            }
        }
        System.out.println(ResponseCache.class.getModule() + ", "
                + Class.forName("net.openhft.chronicle.map.ChronicleMap").getModule());
    }
}
