package dev.refrain.cassettes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.refrain.engine.KeyRules;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Says how two requests differ, and how similar they are. Stateless. */
final class Difference {
    /** Characters of a text that are shown before a difference. Twice as many are shown from there on. */
    private static final int AROUND = 30;
    /** At most this many values of a request are compared to find the nearest recording. */
    private static final int MOST_VALUES = 20_000;

    private Difference() {}

    /**
     * The first place where a request differs from a recorded one, in the order of the document.
     *
     * @param rules which members are ignored
     * @return a part of a sentence, for a message
     */
    static String first(RecordedRequest asked, RecordedRequest recorded, KeyRules rules) {
        if (asked.endpoint() != recorded.endpoint()) {
            return values(
                    "the endpoint", recorded.endpoint().id(), asked.endpoint().id());
        }
        String body = nodes("$", "", asked.body(), recorded.body(), rules.ignored());
        if (body != null) {
            return body;
        }
        if (!asked.deployment().equals(recorded.deployment())) {
            return values("the deployment", recorded.deployment(), asked.deployment());
        }
        if (!asked.query().equals(recorded.query())) {
            return values("the query", recorded.query(), asked.query());
        }
        if (asked.sample() != recorded.sample()) {
            return values("X-Refrain-Sample", sample(recorded), sample(asked));
        }
        return values("the header fields of the key", recorded.fields() + "", asked.fields() + "");
    }

    private static String sample(RecordedRequest request) {
        return request.sample() == RecordedRequest.NO_SAMPLE ? "none" : Integer.toString(request.sample());
    }

    /**
     * The first difference of two values; null if they are equal.
     *
     * @param name of the place as key rules write it; null inside a list, since key rules cannot name items of lists
     */
    private static String nodes(String path, String name, JsonNode asked, JsonNode recorded, List<String> ignored) {
        if (name != null && ignored.contains(name)) {
            return null;
        }
        if (asked.isObject() && recorded.isObject()) {
            for (Map.Entry<String, JsonNode> member : asked.properties()) {
                JsonNode other = recorded.get(member.getKey());
                String place = path + step(member.getKey());
                String plain = below(name, member.getKey());
                String difference = other == null
                        ? missing(place, plain, ignored, "is not in the recording; asked ", member.getValue())
                        : nodes(place, plain, member.getValue(), other, ignored);
                if (difference != null) {
                    return difference;
                }
            }
            for (Map.Entry<String, JsonNode> member : recorded.properties()) {
                if (!asked.has(member.getKey())) {
                    String place = path + step(member.getKey());
                    String plain = below(name, member.getKey());
                    String difference = missing(place, plain, ignored, "is missing; recorded ", member.getValue());
                    if (difference != null) {
                        return difference;
                    }
                }
            }
            return null;
        }
        if (asked.isArray() && recorded.isArray()) {
            for (int i = 0; i < Math.min(asked.size(), recorded.size()); i++) {
                String difference = nodes(path + "[" + i + "]", null, asked.get(i), recorded.get(i), ignored);
                if (difference != null) {
                    return difference;
                }
            }
            return asked.size() == recorded.size()
                    ? null
                    : path + " has " + asked.size() + " items, and " + recorded.size() + " in the recording";
        }
        if (asked.isValueNode() && recorded.isValueNode()) {
            boolean isSame = RecordedRequest.scalar(asked).equals(RecordedRequest.scalar(recorded));
            return isSame ? null : scalars(path, asked, recorded);
        }
        return values(path, recorded.toString(), asked.toString());
    }

    private static String below(String name, String member) {
        if (name == null) {
            return null;
        }
        return name.isEmpty() ? member : name + "." + member;
    }

    private static String missing(String path, String name, List<String> ignored, String what, JsonNode value) {
        return name != null && ignored.contains(name) ? null : path + " " + what + cut(value.toString(), 0);
    }

    /** A step of a path as JSONPath writes it (RFC 9535). */
    private static String step(String name) {
        return name.matches("[A-Za-z_][A-Za-z0-9_]*") ? "." + name : "['" + name.replace("'", "\\'") + "']";
    }

    private static String scalars(String path, JsonNode asked, JsonNode recorded) {
        String one = recorded.isTextual() ? recorded.textValue() : RecordedRequest.scalar(recorded);
        String other = asked.isTextual() ? asked.textValue() : RecordedRequest.scalar(asked);
        return values(path, one, other);
    }

    private static String values(String place, String recorded, String asked) {
        int same = 0;
        while (same < Math.min(recorded.length(), asked.length()) && recorded.charAt(same) == asked.charAt(same)) {
            same++;
        }
        String at = same > AROUND ? " from character " + (same + 1) + " on" : "";
        return place + at + ": recorded " + cut(recorded, same) + ", asked " + cut(asked, same);
    }

    /** The part of a text around a position, in quotes. */
    private static String cut(String text, int place) {
        int from = Math.max(0, place - AROUND);
        int to = Math.min(text.length(), place + 2 * AROUND);
        return RecordedRequest.quoted(
                (from > 0 ? "..." : "") + text.substring(from, to) + (to < text.length() ? "..." : ""));
    }

    // ---- likeness

    /** The similarity of two requests: 1 if they are equal, 0 if they have nothing in common. */
    static double likeness(RecordedRequest asked, RecordedRequest recorded) {
        Map<String, String> one = new HashMap<>();
        Map<String, String> other = new HashMap<>();
        flatten("", asked.body(), one);
        flatten("", recorded.body(), other);
        double alike = 0;
        for (Map.Entry<String, String> value : one.entrySet()) {
            String text = other.get(value.getKey());
            if (text != null) {
                alike += likeness(value.getValue(), text);
            }
        }
        double all = Math.max(1, Math.max(one.size(), other.size()));
        return alike / all;
    }

    /**
     * The similarity of two values at one place: 1 if they are equal. If not, at least a quarter, and more for equal
     * beginnings and ends.
     */
    private static double likeness(String a, String b) {
        if (a.equals(b)) {
            return 1;
        }
        int least = Math.min(a.length(), b.length());
        int start = 0;
        while (start < least && a.charAt(start) == b.charAt(start)) {
            start++;
        }
        int end = 0;
        while (end < least - start && a.charAt(a.length() - 1 - end) == b.charAt(b.length() - 1 - end)) {
            end++;
        }
        return 0.25 + 0.7 * (start + end) / Math.max(a.length(), b.length());
    }

    private static void flatten(String path, JsonNode node, Map<String, String> out) {
        if (out.size() >= MOST_VALUES) {
            return;
        }
        if (node.isObject()) {
            node.properties().forEach(member -> flatten(path + "." + member.getKey(), member.getValue(), out));
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                flatten(path + "[" + i + "]", node.get(i), out);
            }
        } else {
            out.put(path, RecordedRequest.scalar(node));
        }
    }
}
