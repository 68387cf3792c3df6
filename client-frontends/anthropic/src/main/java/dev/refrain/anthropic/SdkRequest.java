package dev.refrain.anthropic;

import com.anthropic.core.RequestOptions;
import com.anthropic.core.Timeout;
import com.anthropic.core.http.HttpClient;
import com.anthropic.core.http.HttpRequest;
import com.anthropic.core.http.HttpRequestBody;
import com.anthropic.core.http.HttpResponse;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.client.BodyBytes;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.ClientRequest;
import dev.refrain.semantics.client.HeadDigest;
import dev.refrain.semantics.client.ProviderAnswer;
import dev.refrain.semantics.client.RequestUrl;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/** A request of the SDK, with its credentials. */
final class SdkRequest implements ClientRequest, RequestFields {
    private final HttpClient client;
    private final HttpRequest request;
    private final RequestOptions options;
    /** The request's URL; null until it is needed. */
    private RequestUrl url;

    SdkRequest(HttpClient client, HttpRequest request, RequestOptions options) {
        this.client = client;
        this.request = request;
        this.options = options;
    }

    @Override
    public boolean digest(HeadDigest head) {
        head.add(request.method().name()).add(request.baseUrl()).addAll(request.pathSegments());
        for (String name : request.queryParams().keys()) {
            head.add(name).addAll(request.queryParams().values(name));
        }
        // Separates parameters from header fields: no name is null.
        head.add(null);
        for (String name : request.headers().names()) {
            head.add(name).addAll(request.headers().values(name));
        }
        return true;
    }

    @Override
    public String method() {
        return request.method().name();
    }

    @Override
    public RequestUrl url() {
        if (url == null) {
            url = RequestUrl.of(request.url());
        }
        return url;
    }

    @Override
    public RequestFields fields() {
        return this;
    }

    @Override
    public String first(String name) {
        List<String> lines = request.headers().values(name);
        return lines.isEmpty() ? null : lines.get(0);
    }

    @Override
    public List<String> all(String name) {
        List<String> lines = request.headers().values(name);
        return lines.isEmpty() ? null : lines;
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        for (String name : request.headers().names()) {
            action.accept(name, request.headers().values(name));
        }
    }

    @Override
    public byte[] body(int limit) {
        HttpRequestBody body = request.body().orElse(null);
        if (body == null) {
            return new byte[0];
        }
        if (!body.repeatable() || body.contentLength() > limit) {
            return null;
        }
        BodyBytes bytes = new BodyBytes((int) Math.max(0, body.contentLength()));
        body.writeTo(bytes);
        return bytes.take();
    }

    @Override
    public Duration timeout() {
        return options.timeout().map(Timeout::request).orElse(Duration.ZERO);
    }

    @Override
    public Duration readTimeout() {
        return options.timeout().map(Timeout::read).orElse(Duration.ZERO);
    }

    /** The request as it is sent if it bypasses the cache. */
    HttpRequest passingBy() {
        return forTheProvider().build();
    }

    private HttpRequest.Builder forTheProvider() {
        HttpRequest.Builder leaving = request.toBuilder();
        for (String name : request.headers().names()) {
            if (ClientCache.isForTheCache(name)) {
                leaving.removeHeaders(name);
            }
        }
        return leaving;
    }

    @Override
    public ProviderAnswer send(byte[] changed) {
        HttpRequest.Builder leaving = forTheProvider().replaceHeaders("Accept-Encoding", "identity");
        if (changed != null) {
            HttpRequestBody body = request.body().orElse(null);
            leaving.body(new Changed(changed, body == null ? null : body.contentType()));
        }
        HttpResponse response = client.execute(leaving.build(), options);
        Map<String, List<String>> fields = new LinkedHashMap<>();
        for (String name : response.headers().names()) {
            fields.put(name, response.headers().values(name));
        }
        return new ProviderAnswer(response.statusCode(), fields, new FilterInputStream(response.body()) {
            @Override
            public void close() throws IOException {
                response.close();
            }
        });
    }

    /** A request's body in memory, in which the provider's ids replace the ids that hits have given out. */
    static final class Changed implements HttpRequestBody {
        private final byte[] bytes;
        private final String contentType;

        Changed(byte[] bytes, String contentType) {
            this.bytes = bytes;
            this.contentType = contentType;
        }

        @Override
        public void writeTo(OutputStream out) {
            try {
                out.write(bytes);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public String contentType() {
            return contentType;
        }

        @Override
        public long contentLength() {
            return bytes.length;
        }

        @Override
        public boolean repeatable() {
            return true;
        }

        @Override
        public void close() {}
    }
}
