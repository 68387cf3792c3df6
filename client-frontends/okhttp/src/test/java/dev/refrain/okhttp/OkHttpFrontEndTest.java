package dev.refrain.okhttp;

import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import dev.refrain.testing.OkHttpReply;
import java.io.IOException;
import java.net.URI;
import okhttp3.OkHttpClient;

/** The contract of all front-ends, by the interceptor. */
class OkHttpFrontEndTest extends FrontEndContract {
    @Override
    protected FrontEnd open(URI base) throws IOException {
        return new Client(base);
    }

    private static final class Client implements FrontEnd {
        private final URI base;
        private final ResponseCache cache = Caches.onHeap();
        private final OkHttpClient client = new OkHttpClient.Builder()
                .addInterceptor(RefrainInterceptor.of(cache))
                .build();

        Client(URI base) {
            this.base = base;
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            return OkHttpReply.send(client, base + path, body, headers);
        }

        @Override
        public long heldBytes() {
            return cache.admin().memory().usedBytes();
        }

        @Override
        public void close() {
            cache.close();
            client.dispatcher().executorService().shutdown();
            client.connectionPool().evictAll();
        }
    }
}
