package dev.refrain.engine.internal.template;

import java.util.ArrayList;
import java.util.List;

/**
 * An event stream as WHATWG HTML 9.2.6 reads it, written a second time and for
 * clarity alone; with the capture's two documented departures: an event at the end
 * needs no blank line, and one without data is an event too if it has any field.
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
