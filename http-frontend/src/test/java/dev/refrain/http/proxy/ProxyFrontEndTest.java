package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;

/** The contract of all front-ends, through the proxy. */
class ProxyFrontEndTest extends FrontEndContract {
    @TempDir
    Path folder;

    @Override
    protected FrontEnd open(URI base) throws IOException {
        Path settings =
                Files.writeString(folder.resolve("refrain.yaml"), """
                policies:
                  - match: {model: %s}
                    cache: never
                  - match: {model: %s}
                    max-turns: 1
                key:
                  headers: %s
                  ignore: chat:%s
                """.formatted(NEVER, ONE_TURN, KEY_HEADERS, IGNORED));
        RunningProxy proxy =
                new RunningProxy(folder.resolve("answers.refrain"), base, Map.of(), "--config", settings.toString());
        return new FrontEnd() {
            @Override
            public Reply send(String path, String body, String... headers) {
                return Reply.of(proxy.send(proxy.post("/v1" + path, body, headers), BodyHandlers.ofInputStream()));
            }

            /** Waits until the log has the answer, then takes it back. */
            @Override
            public void takeBack(Reply answer) {
                HttpRequest.Builder delete = HttpRequest.newBuilder(
                                proxy.uri("/v1/generation?id=" + answer.only("X-Generation-Id")))
                        .DELETE()
                        .header("Authorization", "Bearer sk-test");
                long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while (!proxy.send(delete).body().contains("generation.deleted")) {
                    assertThat(System.nanoTime()).isLessThan(patience);
                }
            }

            @Override
            public long heldBytes() {
                return proxy.memory().usedBytes();
            }

            @Override
            public void close() {
                proxy.close();
            }
        };
    }
}
