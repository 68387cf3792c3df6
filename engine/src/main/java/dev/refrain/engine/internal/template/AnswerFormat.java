package dev.refrain.engine.internal.template;

import dev.refrain.engine.Endpoint;

/** The shapes that an answer's JSON comes in: wire rule W25's table, and what W16 says of each row. */
enum AnswerFormat {
    /** A whole answer and a chunk of a stream alike. */
    CHAT(null),
    RESPONSES(null),
    RESPONSES_EVENT("response"),
    MESSAGES(null),
    MESSAGES_EVENT("message"),
    EMBEDDINGS(null);

    /** What a field of an answer means to a replay. */
    enum Role {
        ID,
        TIME,
        USAGE,
        NONE
    }

    private final String wrapper;

    AnswerFormat(String wrapper) {
        this.wrapper = wrapper;
    }

    static AnswerFormat of(Endpoint endpoint, boolean streaming) {
        return switch (endpoint) {
            case CHAT -> CHAT;
            case RESPONSES -> streaming ? RESPONSES_EVENT : RESPONSES;
            case MESSAGES -> streaming ? MESSAGES_EVENT : MESSAGES;
            case EMBEDDINGS -> EMBEDDINGS;
        };
    }

    /** Whether the value of this top-level name is an object that holds the answer's own fields. */
    boolean isWrapper(String name) {
        return name.equals(wrapper);
    }

    /**
     * What a field is.
     *
     * @param wrapped whether it stands in the wrapper rather than at the top
     */
    Role role(boolean wrapped, String name) {
        boolean answer = wrapped == (wrapper != null);
        return switch (name) {
            case "id" -> answer ? Role.ID : Role.NONE;
            case "usage" -> answer || this == MESSAGES_EVENT ? Role.USAGE : Role.NONE;
            case "created" -> answer && this == CHAT ? Role.TIME : Role.NONE;
            case "created_at", "completed_at" ->
                answer && (this == RESPONSES || this == RESPONSES_EVENT) ? Role.TIME : Role.NONE;
            default -> Role.NONE;
        };
    }

    /** Whether fields at the given place are replaced in a document of the given type, which may be null. */
    boolean replaces(boolean wrapped, String type) {
        return this != MESSAGES_EVENT || (wrapped ? "message_start" : "message_delta").equals(type);
    }

    /** Whether a body with this {@code status}, which may be null, is a finished answer. */
    boolean isFinal(String status) {
        return this != RESPONSES || "completed".equals(status) || "incomplete".equals(status);
    }

    /** Whether an event of this type, which may be null, ends a stream well. */
    boolean isTerminal(String type) {
        return switch (this) {
            case RESPONSES_EVENT -> "response.completed".equals(type) || "response.incomplete".equals(type);
            case MESSAGES_EVENT -> "message_stop".equals(type);
            default -> false;
        };
    }

    /** Whether an event or a body of this type, which may be null, says that the answer failed. */
    boolean isFailure(String type) {
        return switch (this) {
            // OpenRouter documents response.error beside OpenAI's two.
            case RESPONSES_EVENT ->
                "error".equals(type) || "response.failed".equals(type) || "response.error".equals(type);
            case MESSAGES, MESSAGES_EVENT -> "error".equals(type);
            default -> false;
        };
    }
}
