package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.Endpoint;

/** The formats of an answer's JSON, which decide where the fields are that wire rules W16, W25 and W61 need. */
enum AnswerFormat {
    /** Both a whole answer and a chunk of a stream. */
    CHAT(null),
    RESPONSES(null),
    RESPONSES_EVENT("response"),
    MESSAGES(null),
    MESSAGES_EVENT("message"),
    EMBEDDINGS(null);

    /** The meaning of a field of an answer. */
    enum Role {
        ID,
        TIME,
        USAGE,
        STATUS,
        STOP_REASON,
        ERROR,
        DETAILS,
        CHOICES,
        ITEMS,
        GROQ,
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
     * The role of a field.
     *
     * @param wrapped whether the field is in the wrapper, not at the top level
     */
    Role role(boolean wrapped, String name) {
        boolean answer = wrapped == (wrapper != null);
        return switch (name) {
            case "id" -> answer ? Role.ID : Role.NONE;
            case "usage" -> answer || this == MESSAGES_EVENT ? Role.USAGE : Role.NONE;
            case "created" -> answer && this == CHAT ? Role.TIME : Role.NONE;
            case "created_at", "completed_at" -> answer && isResponses() ? Role.TIME : Role.NONE;
            case "status" -> answer && isResponses() ? Role.STATUS : Role.NONE;
            case "incomplete_details" -> answer && isResponses() ? Role.DETAILS : Role.NONE;
            case "stop_reason" -> answer && (this == MESSAGES || this == MESSAGES_EVENT) ? Role.STOP_REASON : Role.NONE;
            case "error" -> answer ? Role.ERROR : Role.NONE;
            case "choices" -> this == CHAT ? Role.CHOICES : Role.NONE;
            case "x_groq" -> this == CHAT ? Role.GROQ : Role.NONE;
            case "data" -> this == EMBEDDINGS ? Role.ITEMS : Role.NONE;
            default -> Role.NONE;
        };
    }

    private boolean isResponses() {
        return this == RESPONSES || this == RESPONSES_EVENT;
    }

    /**
     * Whether fields inside the wrapper, or outside, are replaced in a document of the given type, which may be null.
     */
    boolean replaces(boolean wrapped, String type) {
        return this != MESSAGES_EVENT || (wrapped ? "message_start" : "message_delta").equals(type);
    }
}
