package dev.refrain.engine.internal.template;

import dev.refrain.engine.internal.template.AnswerFields.Choice;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Decides whether an answer is complete (wire rule W16). No other code does. It gets each JSON object of the answer:
 * either the whole body, or the events of a stream one by one. At any time it can tell what is still missing. The table
 * "What makes an answer complete" in docs/HTTP.md has the same rules in words.
 */
final class Completeness {
    /**
     * Limit of the index of a choice. No real answer has as many choices. A larger index rejects the answer, because
     * the bit sets would take much memory.
     */
    private static final int MAX_CHOICES = 4096;
    /** At most this many reasons are kept. Real answers have a few. */
    private static final int MAX_REASONS = 32;

    private final AnswerFormat format;
    private final boolean streaming;

    private final BitSet choices = new BitSet();
    private final BitSet finished = new BitSet();
    private final Set<String> reasons = new LinkedHashSet<>();
    private boolean done;
    private boolean hasFinalStatus;
    private boolean hasStopReason;
    private boolean hasItems;

    Completeness(AnswerFormat format, boolean streaming) {
        this.format = format;
        this.streaming = streaming;
    }

    /**
     * Adds one object of the answer.
     *
     * @return why the answer has failed, in a few words; null if it has not
     */
    String add(AnswerFields fields) {
        if (fields.error || "error".equals(fields.object) || isFailure(fields.type)) {
            return streaming ? "error event" : "error body";
        }
        switch (format) {
            case CHAT -> {
                return addChoices(fields);
            }
            case RESPONSES -> hasFinalStatus |= addStatus(fields);
            case RESPONSES_EVENT -> {
                if ("response.completed".equals(fields.type) || "response.incomplete".equals(fields.type)) {
                    if (!addStatus(fields)) {
                        return "a terminal event whose status is neither completed nor incomplete";
                    }
                    hasFinalStatus = true;
                    done = true;
                }
            }
            case MESSAGES -> addStopReason(fields.stopReason);
            case MESSAGES_EVENT -> {
                // In other events, delta is another kind of object.
                if ("message_delta".equals(fields.type) || "message_start".equals(fields.type)) {
                    addStopReason(fields.stopReason);
                }
                done |= "message_stop".equals(fields.type);
            }
            case EMBEDDINGS -> hasItems |= fields.items > 0;
        }
        return reasons.contains("error") ? "finished by an error" : null;
    }

    private boolean isFailure(String type) {
        return switch (format) {
            // OpenAI has the types error and response.failed; OpenRouter also documents response.error.
            case RESPONSES, RESPONSES_EVENT ->
                "error".equals(type) || "response.failed".equals(type) || "response.error".equals(type);
            case MESSAGES, MESSAGES_EVENT -> "error".equals(type);
            case CHAT, EMBEDDINGS -> false;
        };
    }

    /**
     * Records the choices. A finished choice stays finished, because some providers send it further chunks
     * without a reason.
     */
    private String addChoices(AnswerFields fields) {
        for (Choice choice : fields.choices) {
            if (choice.error()) {
                return "error in a choice";
            }
            if ("error".equals(choice.finishReason())) {
                return "finished by an error";
            }
            if (choice.index() < 0 || choice.index() >= MAX_CHOICES) {
                return "a choice with an impossible index";
            }
            choices.set((int) choice.index());
            if (choice.finishReason() != null) {
                finished.set((int) choice.index());
                addReason(choice.finishReason());
            }
        }
        return null;
    }

    private boolean addStatus(AnswerFields fields) {
        boolean isFinal = "completed".equals(fields.status) || "incomplete".equals(fields.status);
        if (isFinal) {
            addReason(fields.status);
            addReason(fields.incompleteReason);
        }
        return isFinal;
    }

    private void addStopReason(String reason) {
        hasStopReason |= reason != null;
        addReason(reason);
    }

    private void addReason(String reason) {
        if (reason != null && reasons.size() < MAX_REASONS) {
            reasons.add(reason);
        }
    }

    /** Takes the event {@code [DONE]}, which ends a chat stream and is not a JSON object. */
    void done() {
        done |= format == AnswerFormat.CHAT;
    }

    /**
     * What the answer lacks.
     *
     * @param ended whether the message has ended, and its framing shows that it was not cut off
     * @return the missing part in a few words; null if the answer is complete
     */
    String missing(boolean ended) {
        String unfinished = unfinished();
        if (unfinished != null) {
            return streaming && !done ? "no terminal event" : unfinished;
        }
        boolean needsTerminal = streaming && !(format == AnswerFormat.CHAT && ended);
        return needsTerminal && !done ? "no terminal event" : null;
    }

    private String unfinished() {
        return switch (format) {
            case CHAT ->
                choices.isEmpty() ? "no choice" : choices.equals(finished) ? null : "a choice that has not finished";
            case RESPONSES, RESPONSES_EVENT -> hasFinalStatus ? null : "status neither completed nor incomplete";
            case MESSAGES, MESSAGES_EVENT -> hasStopReason ? null : "no stop_reason";
            case EMBEDDINGS -> hasItems ? null : "no item in data";
        };
    }

    /**
     * All stated reasons why the answer ended: the finish reason of each choice; {@code status} and
     * {@code incomplete_details.reason}; {@code stop_reason}.
     */
    Set<String> reasons() {
        return reasons;
    }
}
