package dev.refrain.engine.exchange;

/**
 * The API formats whose answers can be cached. The endpoint is part of every key (wire rule W3) and decides which
 * fields of an answer a hit replaces (W25).
 */
public enum Endpoint {
    /** OpenAI Chat Completions: {@code /chat/completions}. */
    CHAT("chat"),
    /** OpenAI Responses: {@code /responses}. */
    RESPONSES("responses"),
    /** Anthropic Messages: {@code /messages}. */
    MESSAGES("messages"),
    /** OpenAI Embeddings: {@code /embeddings}; never streams. */
    EMBEDDINGS("embeddings");

    private final String id;

    Endpoint(String id) {
        this.id = id;
    }

    /** The stable lower-case name used in keys, configuration and statistics; never null. */
    public String id() {
        return id;
    }
}
