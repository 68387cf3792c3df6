package dev.refrain.console.admin;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Writes answers. */
final class Replies {
    /**
     * Writes answers and parses requests. Keeps no table of canonical names, which would grow with the names that
     * clients choose to send.
     */
    static final ObjectMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                    .build())
            .enable(StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN)
            .build();

    private Replies() {}

    static void json(HttpServerExchange exchange, Object document) {
        try {
            bytes(exchange, "application/json", ByteBuffer.wrap(JSON.writeValueAsBytes(document)));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("documents are made of what JSON has", e);
        }
    }

    static void text(HttpServerExchange exchange, String text) {
        bytes(exchange, "text/plain; charset=utf-8", ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    static void bytes(HttpServerExchange exchange, String type, ByteBuffer body) {
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, type);
        exchange.getResponseSender().send(body);
    }

    static void error(HttpServerExchange exchange, AdminException why) {
        exchange.setStatusCode(why.status());
        json(exchange, Map.of("error", Map.of("message", why.getMessage(), "code", why.code())));
    }
}
