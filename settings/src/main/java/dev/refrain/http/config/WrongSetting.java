package dev.refrain.http.config;

import dev.refrain.semantics.Spelling;
import java.util.List;
import java.util.regex.Pattern;

/** A setting that stops the start. The message is the whole line that the user sees. */
final class WrongSetting extends Exception {
    private static final long serialVersionUID = 1L;

    private static final int LONGEST_VALUE = 100;
    /** The user part of a URL, which may hold an API key, like the query. The URL need not be well-formed. */
    private static final Pattern USER = Pattern.compile("^(\\w+://)?.*@", Pattern.DOTALL);

    /** A list of words, such as {@code text or json}, in {@link Setting#allowed}. */
    private static final Pattern WORDS = Pattern.compile("[a-z-]+((, | or )[a-z-]+)+");

    private static final Pattern QUERY = Pattern.compile("\\?.*", Pattern.DOTALL);

    private WrongSetting(String message) {
        super(message.replaceAll("\\p{Cntrl}+", " "), null, false, false);
    }

    static WrongSetting value(String name, String value, String source, String allowed) {
        String shown = QUERY.matcher(USER.matcher(value).replaceAll("$1***@")).replaceAll("?***");
        shown = shown.length() > LONGEST_VALUE ? shown.substring(0, LONGEST_VALUE) + "..." : shown;
        return new WrongSetting(
                name + ": '" + shown + "' (" + source + ")" + meant(value, allowed) + " must be " + allowed);
    }

    /** The part of a message that names the word which was probably meant; empty if there is no such word. */
    private static String meant(String value, String allowed) {
        return !WORDS.matcher(allowed).matches()
                ? ""
                : Spelling.meant(value, List.of(allowed.split(", | or ", -1)))
                        .map(like -> ", did you mean " + like + "? It")
                        .orElse("");
    }

    /** The fault of an unknown setting. Its value is not shown, since it may be anything, even a secret. */
    static WrongSetting unknown(String name, String source, Iterable<String> known) {
        String last = name.substring(name.lastIndexOf('.') + 1);
        String meant = Spelling.meant(last, known)
                .map(like -> ", did you mean " + like + "? It")
                .orElse(",");
        return new WrongSetting(
                name + ": no such setting (" + source + ")" + meant + " must be one of " + String.join(", ", known));
    }

    static WrongSetting misspelt(String name, String source, String meant) {
        return new WrongSetting(name + ": no such setting (" + source + "), did you mean " + meant
                + "? The name of a field of requests must be less similar to that");
    }

    static WrongSetting file(String problem, String source) {
        return new WrongSetting("config: " + problem + " (" + source + "), must be a readable YAML file of settings");
    }
}
