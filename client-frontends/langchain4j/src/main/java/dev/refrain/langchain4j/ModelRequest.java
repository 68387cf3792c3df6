package dev.refrain.langchain4j;

import dev.langchain4j.exception.HttpException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.ClientRequest;
import dev.refrain.semantics.client.HeadDigest;
import dev.refrain.semantics.client.ProviderAnswer;
import dev.refrain.semantics.client.RequestUrl;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A request of a model.
 *
 * @param limit how long an answer may take, or a stream may take to begin; null for no limit
 */
record ModelRequest(HttpClient client, HttpRequest request, Duration limit, boolean streaming)
        implements ClientRequest {
    @Override
    public boolean digest(HeadDigest head) {
        head.add(request.method().name()).add(request.url());
        request.headers().forEach((name, lines) -> head.add(name).addAll(lines));
        return true;
    }

    @Override
    public String method() {
        return request.method().name();
    }

    @Override
    public RequestUrl url() {
        return RequestUrl.of(request.url());
    }

    @Override
    public RequestFields fields() {
        return RequestFields.of(request.headers());
    }

    @Override
    public byte[] body(int limit) {
        boolean isForm =
                !request.formDataFields().isEmpty() || !request.formDataFiles().isEmpty();
        if (isForm || (request.body() != null && request.body().length() > limit)) {
            return null;
        }
        return request.body() == null ? new byte[0] : request.body().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public Duration timeout() {
        return streaming ? null : limit;
    }

    @Override
    public Duration timeToBegin() {
        return streaming ? limit : null;
    }

    /** The request as it is sent if it bypasses the cache. */
    HttpRequest passingBy(String otherPath) {
        return leaving(otherPath == null ? request.url() : url().withPath(otherPath), fieldsForTheProvider())
                .build();
    }

    private HttpRequest.Builder leaving(String to, Map<String, List<String>> fields) {
        return HttpRequest.builder()
                .method(request.method())
                .url(to)
                .headers(fields)
                .formDataFields(request.formDataFields())
                .formDataFiles(request.formDataFiles())
                .body(request.body());
    }

    private Map<String, List<String>> fieldsForTheProvider() {
        Map<String, List<String>> fields = new LinkedHashMap<>(request.headers());
        fields.keySet().removeIf(ClientCache::isForTheCache);
        return fields;
    }

    @Override
    public ProviderAnswer send(byte[] changed) throws IOException {
        Map<String, List<String>> fields = fieldsForTheProvider();
        fields.keySet().removeIf("Accept-Encoding"::equalsIgnoreCase);
        fields.put("Accept-Encoding", List.of("identity"));
        HttpRequest.Builder leaving = leaving(request.url(), fields);
        if (changed != null) {
            leaving.body(new String(changed, StandardCharsets.UTF_8));
        }
        HttpRequest outgoing = leaving.build();
        if (streaming) {
            return StreamedAnswer.of(client, outgoing);
        }
        try {
            SuccessfulHttpResponse response = client.execute(outgoing);
            return ProviderAnswer.of(response.statusCode(), response.headers(), response.bodyBytes());
        } catch (HttpException e) {
            return whole(e);
        }
    }

    /** The provider's error, whose header is not known. */
    static ProviderAnswer whole(HttpException error) {
        byte[] body =
                error.getMessage() == null ? new byte[0] : error.getMessage().getBytes(StandardCharsets.UTF_8);
        return ProviderAnswer.of(error.statusCode(), Map.of("Content-Type", List.of("application/json")), body);
    }
}
