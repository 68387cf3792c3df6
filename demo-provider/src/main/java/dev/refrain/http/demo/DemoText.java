package dev.refrain.http.demo;

import java.util.List;
import java.util.regex.Pattern;

/** The text of the demo provider's answers. */
final class DemoText {
    private static final int LONGEST_ECHO = 60;
    private static final Pattern TOKENS = Pattern.compile("(?<=\\S)(?= )");

    private DemoText() {}

    /** The answer in pieces as a model would stream them; joined, they are the whole text. */
    static List<String> tokens(DemoRequest request) {
        String prompt = request.lastText().strip().replaceAll("\\s+", " ");
        String echo = prompt.isEmpty() ? "You sent no text." : "You wrote: \"" + shortened(prompt) + "\".";
        return List.of(TOKENS.split("This is Refrain's built-in demo provider; no model was called. " + echo
                + " Send the same request again with the header \"X-OpenRouter-Cache: true\" on both, and the second "
                + "answer comes from the cache, at once and with zero usage."));
    }

    private static String shortened(String text) {
        return text.codePointCount(0, text.length()) <= LONGEST_ECHO
                ? text
                : text.substring(0, text.offsetByCodePoints(0, LONGEST_ECHO)).stripTrailing() + "...";
    }
}
