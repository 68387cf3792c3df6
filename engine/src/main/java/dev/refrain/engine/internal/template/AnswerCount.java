package dev.refrain.engine.internal.template;

import static dev.refrain.engine.exchange.AnswerFacts.UNKNOWN;

import dev.refrain.engine.exchange.AnswerFacts;

/**
 * Counts the tokens and cost of an answer (wire rule W61). No other code does. An answer may state its usage several
 * times, as streams do: the last statement counts. If the total is larger than prompt and completion together, the
 * difference counts as completion: providers that count reasoning separately state the sum of all three as the total.
 */
final class AnswerCount {
    /** Limit of an id, in characters. Longer ids are ignored. */
    private static final int MAX_ID_LENGTH = 256;

    private final AnswerFormat format;
    private final Usage last = new Usage();
    private String id;
    private String finishReason;

    AnswerCount(AnswerFormat format) {
        this.format = format;
    }

    /** Adds the facts of one object of the answer. */
    void add(AnswerFields fields) {
        if (format.replaces(true, fields.type)) {
            add(fields.wrappedUsage);
        }
        if (format.replaces(false, fields.type)) {
            // Moonshot has the usage in a choice; other providers have it beside the choices.
            add(fields.usage.countsTokens() ? fields.usage : fields.choiceUsage);
        }
        // The first id counts. Some streams have none in their first events, and no provider defines a second one.
        if ((id == null || id.isEmpty()) && format.replaces(true, fields.type)) {
            id = fields.id;
        }
        String reason = reason(fields);
        finishReason = reason == null ? finishReason : reason;
    }

    /**
     * Takes over the known numbers of a usage. If it has a new prompt or completion count and no total, the earlier
     * total becomes unknown.
     */
    private void add(Usage usage) {
        if (usage.countsTokens()) {
            last.prompt = usage.prompt >= 0 ? usage.prompt : last.prompt;
            last.completion = usage.completion >= 0 ? usage.completion : last.completion;
            last.total = usage.total;
        }
        last.costNanos = usage.costNanos >= 0 ? usage.costNanos : last.costNanos;
    }

    /** The finish reason; with several choices, that of the first one. */
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

    /** The facts as far as the answer has come. */
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

    /**
     * The id if it can be sent as a header field, else null. Only visible ASCII passes; RFC 9110, 5.5 allows more, but
     * advises against it.
     */
    private static String headerSafe(String id) {
        if (id == null || id.isEmpty() || id.length() > MAX_ID_LENGTH) {
            return null;
        }
        return id.chars().allMatch(c -> c > ' ' && c < 0x7F) ? id : null;
    }
}
