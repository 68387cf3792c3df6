package dev.refrain.engine.internal.template;

import java.util.ArrayList;
import java.util.List;

/**
 * The fields of one JSON object of an answer that {@link Completeness} and {@link AnswerCount} need. The object is a
 * whole document, or the data of one event. {@link AnswerScanner} fills the fields again for each object.
 */
final class AnswerFields {
    /** A list that had more choices is not reused. */
    private static final int KEPT_CHOICES = 1024;

    /**
     * One of {@code choices}.
     *
     * @param index the stated index, else the choice's place in the list
     * @param finishReason null if it is missing or not a string
     * @param error whether the choice has an {@code error} that is not null
     */
    record Choice(long index, String finishReason, boolean error) {}

    /** Whether there is an {@code error} that is not null, at the top level or in the answer itself. */
    boolean error;
    /** The top-level {@code object}; null if it is not a string. */
    String object;
    /** The top-level {@code type}; null if it is not a string. */
    String type;
    /** The answer's own {@code status}; null if it is not a string. */
    String status;
    /** {@code incomplete_details.reason} of the answer; null if it is not a string. */
    String incompleteReason;
    /** {@code stop_reason} of the answer, or of an event's {@code delta}; null if it is not a string. */
    String stopReason;
    /** The answer's id; null if it is not a string. */
    String id;
    /** Number of items in {@code data}. */
    int items;

    List<Choice> choices = new ArrayList<>();
    /** The usage at the top level: beside the wrapper, or in the answer itself if the format has no wrapper. */
    final Usage usage = new Usage();
    /** The usage in the answer that an event wraps. */
    final Usage wrappedUsage = new Usage();
    /** The usage in a choice; with several, the last one. */
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
