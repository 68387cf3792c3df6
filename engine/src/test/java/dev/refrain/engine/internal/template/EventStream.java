package dev.refrain.engine.internal.template;

import java.util.ArrayList;
import java.util.List;

/**
 * A second, simple reader of event streams (WHATWG HTML 9.2.6), to compare with the capture. It shares the capture's
 * two documented departures: the last event needs no blank line, and an event without data counts if it has any field.
 */
final class EventStream {
    /** One event. */
    record Event(List<String> otherFields, String data) {}

    private EventStream() {}

    static List<Event> parse(String text) {
        List<Event> events = new ArrayList<>();
        List<String> others = new ArrayList<>();
        List<String> data = new ArrayList<>();
        String stream = text.startsWith("\ufeff") ? text.substring(1) : text;
        for (String line : (stream + "\n\n").split("\r\n|\n|\r", -1)) {
            if (line.isEmpty()) {
                if (!others.isEmpty() || !data.isEmpty()) {
                    events.add(new Event(List.copyOf(others), data.isEmpty() ? null : String.join("\n", data)));
                }
                others.clear();
                data.clear();
            } else if (!line.startsWith(":")) {
                int colon = line.indexOf(':');
                String name = colon < 0 ? line : line.substring(0, colon);
                String value = colon < 0 ? "" : line.substring(colon + 1).replaceFirst("^ ", "");
                if (name.equals("data")) {
                    data.add(value);
                } else {
                    others.add(name + "=" + value);
                }
            }
        }
        return events;
    }
}
