package dev.refrain.http.proxy;

import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;

/** The contract of all front-ends, by the proxy. */
class ProxyFrontEndTest extends FrontEndContract {
    @TempDir
    Path folder;

    @Override
    protected FrontEnd open(URI base) throws IOException {
        RunningProxy proxy = new RunningProxy(folder.resolve("answers.refrain"), base, Map.of());
        return new FrontEnd() {
            @Override
            public Reply send(String path, String body, String... headers) {
                return Reply.of(proxy.send(proxy.post("/v1" + path, body, headers), BodyHandlers.ofInputStream()));
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
