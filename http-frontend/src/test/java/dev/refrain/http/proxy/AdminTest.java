package dev.refrain.http.proxy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;

/** Helpers for tests of the admin listener. */
abstract class AdminTest extends WireTest {
    static final ObjectMapper JSON = new ObjectMapper();
    static final String TOKEN = "a-token-for-these-tests";

    HttpRequest.Builder admin(String method, String path, String body) {
        return HttpRequest.newBuilder(proxy.admin(path))
                .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    }

    /** A request as the dashboard and the commands make it. */
    HttpResponse<String> ask(String method, String path, String body) {
        return proxy.send(admin(method, path, body).header("X-Refrain-Admin", "1"));
    }

    JsonNode json(String path) {
        return tree(ask("GET", "/admin/api/" + path, null));
    }

    static JsonNode tree(HttpResponse<String> response) {
        try {
            return JSON.readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String chat(String model, String text) {
        return "{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"" + text + "\"}]}";
    }
}
