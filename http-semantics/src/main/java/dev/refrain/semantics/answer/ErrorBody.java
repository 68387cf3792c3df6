package dev.refrain.semantics.answer;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.exchange.Endpoint;
import java.nio.charset.StandardCharsets;

/** The JSON of an error of Refrain's own, in the format that the endpoint's clients know (wire rule W31). Stateless. */
public final class ErrorBody {
    private ErrorBody() {}

    /**
     * The body, in UTF-8.
     *
     * @param endpoint decides the shape; null for paths that are no endpoint, which get OpenAI's shape
     */
    public static byte[] of(Endpoint endpoint, ProxyException failure) {
        ObjectNode error = JsonNodeFactory.instance.objectNode();
        error.put("message", failure.getMessage());
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        if (endpoint == Endpoint.MESSAGES) {
            error.put("type", anthropicType(failure.status()));
            body.put("type", "error");
        } else {
            error.put("type", openAiType(failure.status()));
            error.putNull("param");
            error.put("code", failure.status());
        }
        body.set("error", error);
        return body.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static String openAiType(int status) {
        return status == 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "upstream_error";
    }

    /** Anthropic's documented error types; a status without a type of its own is an {@code api_error}. */
    private static String anthropicType(int status) {
        return switch (status) {
            case 400, 417, 426 -> "invalid_request_error";
            case 401 -> "authentication_error";
            case 404 -> "not_found_error";
            case 413 -> "request_too_large";
            case 408, 504 -> "timeout_error";
            case 429 -> "rate_limit_error";
            case 503 -> "overloaded_error";
            default -> "api_error";
        };
    }
}
