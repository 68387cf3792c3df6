package dev.refrain.engine.internal.template;

import static dev.refrain.engine.exchange.AnswerFacts.UNKNOWN;

import dev.refrain.engine.exchange.AnswerFacts;

/**
 * Counts what an answer cost (wire rule W61), in the one way that there is. An answer may say it several times, as
 * streams do: what is said last counts. What a total has over prompt and completion is completion: providers that count
 * reasoning apart say the sum of all three as the total.
 */
final class AnswerCount {
    /** Longer ids are ignored. */
    private static final int MAX_ID_LENGTH = 256;

    private final AnswerFormat format;
    private final Usage last = new Usage();
    private String id;
    private String finishReason;

    AnswerCount(AnswerFormat format) {
        this.format = format;
    }

    /** Adds what one object of the answer says. */
    void add(AnswerFields fields) {
        if (format.replaces(true, fields.type)) {
            add(fields.wrappedUsage);
        }
        if (format.replaces(false, fields.type)) {
            // Moonshot says in a choice what others say beside the choices.
            add(fields.usage.countsTokens() ? fields.usage : fields.choiceUsage);
        }
        // The first one: some have none in their first events, and nothing says what another one later would mean.
        if ((id == null || id.isEmpty()) && format.replaces(true, fields.type)) {
            id = fields.id;
        }
        String reason = reason(fields);
        finishReason = reason == null ? finishReason : reason;
    }

    /** A total that was said before a part of it was said anew is none any more. */
    private void add(Usage usage) {
        if (usage.countsTokens()) {
            last.prompt = usage.prompt >= 0 ? usage.prompt : last.prompt;
            last.completion = usage.completion >= 0 ? usage.completion : last.completion;
            last.total = usage.total;
        }
        last.costNanos = usage.costNanos >= 0 ? usage.costNanos : last.costNanos;
    }

    /** The finish reason; of several choices, that of the first one. */
    private String reason(AnswerFields fields) {
        return switch (format) {
            case CHAT -> firstChoice(fields);
            case RESPONSES, RESPONSES_EVENT ->
                "incomplete".equals(fields.status) && fields.incompleteReason != null
                        ? fields.incompleteReason
                        : fields.status;
            case MESSAGES, MESSAGES_EVENT -> fields.stopReason;
            case EMBEDDINGS -> null;
        };
    }

    private String firstChoice(AnswerFields fields) {
        for (AnswerFields.Choice choice : fields.choices) {
            if (choice.finishReason() != null && (choice.index() == 0 || finishReason == null)) {
                return choice.finishReason();
            }
        }
        return null;
    }

    /** What has been said until now. */
    AnswerFacts facts() {
        long prompt = last.prompt;
        long completion = last.completion;
        long total = Math.max(last.total, Math.max(0, prompt) + Math.max(0, completion));
        if (!last.countsTokens()) {
            total = UNKNOWN;
        } else if (prompt < 0 && completion >= 0 && last.total >= 0) {
            prompt = total - completion;
        } else if (prompt >= 0 && (completion >= 0 || last.total >= 0 || format == AnswerFormat.EMBEDDINGS)) {
            completion = total - prompt;
        }
        return new AnswerFacts(headerSafe(id), prompt, completion, total, last.costNanos, finishReason);
    }

    /** The id if it has only visible ASCII (RFC 9110, 5.5 allows more, with care): it may be sent as a header field. */
    private static String headerSafe(String id) {
        if (id == null || id.isEmpty() || id.length() > MAX_ID_LENGTH) {
            return null;
        }
        return id.chars().allMatch(c -> c > ' ' && c < 0x7F) ? id : null;
    }
}
