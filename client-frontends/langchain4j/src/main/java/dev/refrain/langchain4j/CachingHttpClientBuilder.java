package dev.refrain.langchain4j;

import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpClientBuilder;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.RefrainOptions;
import java.time.Duration;

/** A builder of clients that answer from the cache first. As thread-safe as the wrapped builder. */
record CachingHttpClientBuilder(HttpClientBuilder builder, ResponseCache cache, RefrainOptions options)
        implements HttpClientBuilder {
    @Override
    public Duration connectTimeout() {
        return builder.connectTimeout();
    }

    @Override
    public HttpClientBuilder connectTimeout(Duration timeout) {
        builder.connectTimeout(timeout);
        return this;
    }

    @Override
    public Duration readTimeout() {
        return builder.readTimeout();
    }

    @Override
    public HttpClientBuilder readTimeout(Duration timeout) {
        builder.readTimeout(timeout);
        return this;
    }

    @Override
    public HttpClient build() {
        return new CachingHttpClient(builder.build(), builder.readTimeout(), ClientCache.of(cache, options));
    }
}
