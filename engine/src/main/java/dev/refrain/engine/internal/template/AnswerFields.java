package dev.refrain.engine.internal.template;

import java.util.ArrayList;
import java.util.List;

/**
 * What one JSON object of an answer, a whole document or the data of one event, says that {@link Completeness} and
 * {@link AnswerCount} ask for. {@link AnswerScanner} fills it anew for each object.
 */
final class AnswerFields {
    /** A list that had more is not used again. */
    private static final int KEPT_CHOICES = 1024;

    /**
     * One of {@code choices}.
     *
     * @param index as said, else its place in the list
     * @param finishReason null if there is none that is a text
     * @param error whether it has an {@code error} that is not null
     */
    record Choice(long index, String finishReason, boolean error) {}

    /** A top-level {@code error}, or one of the answer itself, that is not null. */
    boolean error;
    /** The top-level {@code object}; null if it is no text. */
    String object;
    /** The top-level {@code type}; null if it is no text. */
    String type;
    /** The answer's own {@code status}; null if it is no text. */
    String status;
    /** {@code incomplete_details.reason} of the answer; null if it is no text. */
    String incompleteReason;
    /** {@code stop_reason} of the answer, or of an event's {@code delta}; null if it is no text. */
    String stopReason;
    /** The answer's id; null if it is no text. */
    String id;
    /** Items of {@code data}. */
    int items;

    List<Choice> choices = new ArrayList<>();
    /** What stands beside the answer, or in it where nothing wraps it. */
    final Usage usage = new Usage();
    /** What stands in the answer, where an event wraps it. */
    final Usage wrappedUsage = new Usage();
    /** What stands in a choice; of several the last. */
    final Usage choiceUsage = new Usage();

    void clear() {
        error = false;
        object = null;
        type = null;
        status = null;
        incompleteReason = null;
        stopReason = null;
        id = null;
        items = 0;
        if (choices.size() > KEPT_CHOICES) {
            choices = new ArrayList<>();
        }
        choices.clear();
        usage.clear();
        wrappedUsage.clear();
        choiceUsage.clear();
    }
}
