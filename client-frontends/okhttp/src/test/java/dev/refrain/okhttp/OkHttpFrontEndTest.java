package dev.refrain.okhttp;

import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

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
            Request.Builder request = new Request.Builder()
                    .url(base + path)
                    .post(RequestBody.create(body.getBytes(StandardCharsets.UTF_8), Caches.JSON));
            for (int i = 0; i < headers.length; i += 2) {
                request.header(headers[i], headers[i + 1]);
            }
            Response response = client.newCall(request.build()).execute();
            return new Reply() {
                @Override
                public int status() {
                    return response.code();
                }

                @Override
                public List<String> header(String name) {
                    return response.headers(name);
                }

                @Override
                public InputStream body() {
                    return response.body().byteStream();
                }

                @Override
                public void close() {
                    response.close();
                }
            };
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
