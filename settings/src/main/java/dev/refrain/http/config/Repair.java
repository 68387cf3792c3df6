package dev.refrain.http.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Replaces wrong settings by allowed ones, so that reading goes on and finds the next fault. The repaired settings are
 * never used. Elements of lists keep their places, since messages about faults name the places.
 */
final class Repair {
    private static final int MOST_FAULTS = 100;
    private static final Pattern ELEMENT = Pattern.compile("(\\w+)\\[(\\d+)\\](?:\\.([^.\\[]+))?(.*)");

    /** Settings that, once repaired, leave the names of the labels unknown. */
    private static final Pattern LABELS_LOST = Pattern.compile("labels(\\[\\d+\\](\\.name)?)?");

    private static final Pattern NAMES_LABEL =
            Pattern.compile("policies\\[\\d+\\]\\.match\\.label|teams\\[\\d+\\]\\.labels.*");

    private final ObjectNode tree;
    /** How often each setting was repaired, by its name. */
    private final Map<String, Integer> tries = new HashMap<>();

    Repair(ObjectNode tree) {
        this.tree = tree;
    }

    /** Whether to report a fault of this setting: not if it follows from a repair, or from unknown labels. */
    boolean isNews(String name) {
        boolean areLabelsLost = tries.keySet().stream().anyMatch(LABELS_LOST.asMatchPredicate());
        if (areLabelsLost && NAMES_LABEL.matcher(name).matches()) {
            return false;
        }
        return !tries.containsKey(name) && !tries.containsKey(parent(name));
    }

    /** Repairs a setting. Returns false if further faults cannot be found. */
    boolean repair(String name) {
        int before = tries.merge(name, 1, Integer::sum);
        if (tries.size() > MOST_FAULTS || before > 2) {
            return false;
        }
        Matcher element = ELEMENT.matcher(name);
        if (element.matches()) {
            return before == 1 ? repairElement(element) : drop(element.group(1));
        }
        for (Leaf leaf : Leaf.ALL) {
            if (leaf.name().equals(name)) {
                return before == 1 ? reset(leaf) : leaf.group() != null && resetGroup(leaf.group());
            }
        }
        return drop(name);
    }

    private static String parent(String name) {
        int dot = name.lastIndexOf('.');
        return dot < 0 ? name : name.substring(0, dot);
    }

    private boolean reset(Leaf leaf) {
        ObjectNode parent = leaf.group() == null ? tree : (ObjectNode) tree.path(leaf.group());
        parent.remove(leaf.key());
        if (!leaf.about().value().isEmpty()) {
            parent.put(leaf.key(), leaf.about().value());
        }
        return true;
    }

    private boolean resetGroup(String group) {
        Leaf.ALL.stream().filter(leaf -> group.equals(leaf.group())).forEach(this::reset);
        return true;
    }

    /** Removes an unknown setting, or a value that should be a list. */
    private boolean drop(String name) {
        int dot = name.lastIndexOf('.');
        return (dot < 0 ? tree : tree.path(name.substring(0, dot))) instanceof ObjectNode parent
                && parent.remove(name.substring(dot + 1)) != null;
    }

    private boolean repairElement(Matcher place) {
        String list = place.group(1);
        int index = Integer.parseInt(place.group(2));
        if (!tree.path(list).isArray()) {
            return false;
        }
        ObjectNode element = tree.path(list).path(index) instanceof ObjectNode object ? object : tree.objectNode();
        if (place.group(3) == null) {
            element = tree.objectNode();
        }
        JsonNode inside = element;
        String field = place.group(3);
        if (field != null && !place.group(4).isEmpty() && element.path(field).isObject()) {
            inside = element.path(field);
            field = place.group(4).replaceFirst("^\\.", "").replaceFirst("[.\\[].*", "");
        }
        if (field != null) {
            ((ObjectNode) inside).remove(field);
        }
        fill(list, element, place.group(3), index);
        ((ArrayNode) tree.path(list)).set(index, element);
        return true;
    }

    /**
     * Adds the fields that an element of a list must have.
     *
     * @param field the field that was removed, or null for all fields
     */
    private static void fill(String list, ObjectNode element, String field, int index) {
        String unique = "fault-" + index;
        String digest = String.format("%064x", index);
        Map<String, String> needed = switch (list) {
            case "labels" -> Map.of("name", unique, "sha256", digest);
            case "teams" -> Map.of("name", unique);
            case "presets" -> Map.of("slug", unique);
            case "prices" -> Map.of("model", unique, "prompt", "0", "completion", "0");
            // A policy may be empty.
            default -> Map.of();
        };
        needed.forEach((name, value) -> {
            if (field == null || field.equals(name)) {
                element.put(name, value);
            }
        });
        if (list.equals("teams") && !element.has("labels") && !element.has("sha256")) {
            element.putArray("sha256").add(digest);
        }
    }
}
