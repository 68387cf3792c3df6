package dev.refrain.console.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** An HTTP client of the admin listener. Its exceptions have a sentence that says what to do. */
final class AdminClient {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(PATIENCE).build();
    private final String url;
    private final String token;

    /** @param token empty for a listener without one */
    AdminClient(String url, String token) {
        this.url = url.replaceAll("/+$", "").replaceAll("/admin$", "");
        this.token = token;
        URI uri = URI.create(this.url);
        if (uri.getHost() == null) {
            throw new IllegalArgumentException("--admin must be a URL such as http://127.0.0.1:8081, was " + url);
        }
    }

    JsonNode get(String path) throws IOException, InterruptedException {
        return send(path, HttpRequest.newBuilder().GET());
    }

    JsonNode delete(String path) throws IOException, InterruptedException {
        return send(path, HttpRequest.newBuilder().DELETE());
    }

    JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
        return send(
                path,
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body))));
    }

    /** The status of the answer from a path without access control. */
    int probe(String path) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create(url + "/" + path))).statusCode();
    }

    private JsonNode send(String path, HttpRequest.Builder request) throws IOException, InterruptedException {
        request.uri(URI.create(url + "/admin/api/" + path)).header("X-Refrain-Admin", "1");
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        HttpResponse<byte[]> response = send(request);
        JsonNode answer = parse(response.body());
        if (response.statusCode() == 200 && !answer.isMissingNode()) {
            return answer;
        }
        String said = answer.at("/error/message").asText("that is not Refrain's admin listener");
        throw new IOException(url + " answered " + response.statusCode() + ": " + said);
    }

    private HttpResponse<byte[]> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        try {
            return http.send(request.timeout(PATIENCE).build(), BodyHandlers.ofByteArray());
        } catch (IOException e) {
            throw new IOException("No answer from " + url + ". Is Refrain running, and is --admin right?", e);
        }
    }

    private static JsonNode parse(byte[] body) throws IOException {
        try {
            return JSON.readTree(body);
        } catch (JsonProcessingException notJson) {
            return JSON.missingNode();
        }
    }
}
