package dev.refrain.http.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.regex.Pattern;

/** Prints settings as YAML, each with a comment that says where it comes from. Masks secrets. Stateless. */
final class Printed {
    private static final String MASK = "'***'";
    /** Texts that need no quotes in YAML: YAML reads them back as the same text, or as the number that they are. */
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9/.][A-Za-z0-9/._:+@-]*(?<!:)");

    private Printed() {}

    static String of(List<SettingsReader.Value> values) {
        StringBuilder text =
                new StringBuilder("# The settings in force, and where each comes from. '***' is a secret.\n");
        String group = null;
        for (SettingsReader.Value value : values) {
            Leaf leaf = value.leaf();
            if (leaf.group() != null && !leaf.group().equals(group)) {
                text.append(leaf.group()).append(":\n");
            }
            group = leaf.group();
            text.append(group == null ? "" : "  ").append(leaf.key()).append(':');
            if (!value.value().isMissingNode()) {
                text.append(' ').append(leaf.about().secret() && !isNone(value) ? MASK : written(value.value()));
            }
            text.append("  # ").append(value.source()).append('\n');
        }
        return text.toString().stripTrailing();
    }

    /** Whether a value is the word {@code none}, which is shown, since it is no secret. */
    private static boolean isNone(SettingsReader.Value value) {
        return value.value().asText().equals("none");
    }

    /** A value in YAML: plain, or else as JSON, which YAML includes. */
    private static String written(JsonNode value) {
        return value.isTextual() && PLAIN.matcher(value.asText()).matches() ? value.asText() : value.toString();
    }
}
