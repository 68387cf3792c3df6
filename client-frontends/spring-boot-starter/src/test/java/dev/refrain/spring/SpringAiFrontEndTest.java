package dev.refrain.spring;

import dev.refrain.engine.ResponseCache;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.springframework.ai.openai.http.okhttp.OpenAiHttpClientBuilderCustomizer;
import org.springframework.ai.openai.http.okhttp.SpringAiOpenAiHttpClient;
import org.springframework.boot.test.util.TestPropertyValues;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/** The contract of all front-ends, by the HTTP client that Spring AI builds for its models. */
class SpringAiFrontEndTest extends FrontEndContract {
    @Override
    protected FrontEnd open(URI base) {
        return new Client(base);
    }

    private static final class Client implements FrontEnd {
        private static final MediaType JSON = MediaType.get("application/json");

        private final URI base;
        private final AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        private final OkHttpClient client;

        Client(URI base) {
            this.base = base;
            TestPropertyValues.of("refrain.cache.default=on").applyTo(context);
            context.register(RefrainAutoConfiguration.class);
            context.refresh();
            SpringAiOpenAiHttpClient.Builder builder = SpringAiOpenAiHttpClient.builder();
            context.getBean(OpenAiHttpClientBuilderCustomizer.class).customize(builder);
            this.client = builder.build().getOkHttpClient();
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            Request.Builder request = new Request.Builder()
                    .url(base + path)
                    .post(RequestBody.create(body.getBytes(StandardCharsets.UTF_8), JSON));
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
            return context.getBean(ResponseCache.class).admin().memory().usedBytes();
        }

        @Override
        public void close() {
            client.dispatcher().executorService().shutdown();
            client.connectionPool().evictAll();
            context.close();
        }
    }
}
