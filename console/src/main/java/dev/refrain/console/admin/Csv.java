package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Iterator;

/** Writes CSV (RFC 4180). A text that a spreadsheet would take for a formula is prefixed with an apostrophe. */
final class Csv {
    /** First characters of formulas (OWASP, "CSV Injection"). Some spreadsheets accept the full-width forms, too. */
    private static final String FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20";

    private Csv() {}

    /** The names of a document's members. */
    static void head(ObjectNode document, StringBuilder out) {
        Iterator<String> names = document.fieldNames();
        while (names.hasNext()) {
            cell(names.next(), out).append(names.hasNext() ? "," : "\r\n");
        }
    }

    /** The values of a document's members; null is an empty cell. */
    static void row(ObjectNode document, StringBuilder out) {
        Iterator<JsonNode> values = document.elements();
        while (values.hasNext()) {
            JsonNode value = values.next();
            if (value.isTextual()) {
                String text = value.textValue();
                // Numbers come from this program, but texts may come from clients.
                cell(!text.isEmpty() && FORMULA.indexOf(text.charAt(0)) >= 0 ? "'" + text : text, out);
            } else if (!value.isNull()) {
                out.append(value.asText());
            }
            out.append(values.hasNext() ? "," : "\r\n");
        }
    }

    private static StringBuilder cell(String text, StringBuilder out) {
        if (text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\r' || c == '\n')) {
            return out.append(text);
        }
        return out.append('"').append(text.replace("\"", "\"\"")).append('"');
    }
}
