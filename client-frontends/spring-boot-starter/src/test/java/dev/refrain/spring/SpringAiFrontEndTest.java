package dev.refrain.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.ClientAnswers;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import dev.refrain.testing.OkHttpReply;
import java.io.IOException;
import java.net.URI;
import okhttp3.OkHttpClient;
import org.springframework.ai.openai.http.okhttp.OpenAiHttpClientBuilderCustomizer;
import org.springframework.ai.openai.http.okhttp.SpringAiOpenAiHttpClient;
import org.springframework.boot.test.util.TestPropertyValues;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/** The contract of all front-ends, through the HTTP client that Spring AI builds for its models. */
class SpringAiFrontEndTest extends FrontEndContract {
    @Override
    protected FrontEnd open(URI base) {
        return new Client(base);
    }

    private static final class Client implements FrontEnd {
        private final URI base;
        private final AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        private final OkHttpClient client;

        Client(URI base) {
            this.base = base;
            TestPropertyValues.of(
                            "refrain.cache.default=on",
                            "refrain.cache.policies[0].match.model=" + NEVER,
                            "refrain.cache.policies[0].cache=never",
                            "refrain.cache.policies[1].match.model=" + ONE_TURN,
                            "refrain.cache.policies[1].max-turns=1",
                            "refrain.key.headers=" + KEY_HEADERS,
                            "refrain.key.ignore=chat:" + IGNORED)
                    .applyTo(context);
            context.register(RefrainAutoConfiguration.class);
            context.refresh();
            SpringAiOpenAiHttpClient.Builder builder = SpringAiOpenAiHttpClient.builder();
            context.getBean(OpenAiHttpClientBuilderCustomizer.class).customize(builder);
            this.client = builder.build().getOkHttpClient();
        }

        @Override
        public Reply send(String path, String body, String... headers) throws IOException {
            return OkHttpReply.send(client, base + path, body, headers);
        }

        @Override
        public void takeBack(Reply answer) {
            assertThat(ClientAnswers.takeBack(context.getBean(ResponseCache.class), answer::header))
                    .isTrue();
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
