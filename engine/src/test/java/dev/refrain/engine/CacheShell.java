package dev.refrain.engine;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Opens a cache ({@code file capacityBytes}) and carries out commands, one a line. */
final class CacheShell {
    private CacheShell() {}

    public static void main(String[] args) throws IOException {
        try (ResponseCache cache = ResponseCache.open(Path.of(args[0]), Long.parseLong(args[1]))) {
            CacheKey key =
                    cache.key(SampleAnswers.chat(SampleAnswers.CHAT_REQUEST)).orElseThrow();
            System.out.println("open");
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                System.out.println(
                        switch (line) {
                            case "remove" -> "" + cache.remove(key);
                            case "clear" -> "" + cache.admin().clear();
                            case "replace" ->
                                ""
                                        + cache.store(
                                                key,
                                                "application/json",
                                                SampleAnswers.utf8(SampleAnswers.CHAT_ANSWER.replace("Hello", "Salut")),
                                                CacheControls.DEFAULT_TTL);
                            case "hit" -> "" + cache.lookup(key, new CachedResponse());
                            default -> throw new IllegalArgumentException(line);
                        });
            }
        }
    }
}
