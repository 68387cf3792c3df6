package dev.refrain.okhttp;

import dev.refrain.semantics.client.CachingFrontEnd;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import dev.refrain.testing.OkHttpReply;
import java.io.IOException;
import java.net.URI;
import okhttp3.OkHttpClient;

/** The contract of all front-ends, through the interceptor. */
class OkHttpFrontEndTest extends FrontEndContract {
    @Override
    protected FrontEnd open(URI base) throws IOException {
        return new Client(base);
    }

    private static final class Client extends CachingFrontEnd {
        private final OkHttpClient client = new OkHttpClient.Builder()
                .addInterceptor(RefrainInterceptor.of(cache, OPTIONS))
                .build();

        Client(URI base) throws IOException {
            super(base);
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            return OkHttpReply.send(client, base + path, body, headers);
        }

        @Override
        public void close() {
            super.close();
            client.dispatcher().executorService().shutdown();
            client.connectionPool().evictAll();
        }
    }
}
