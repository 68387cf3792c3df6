package dev.refrain.console.explain;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the key rule with which two requests would have had the same key (wire rule W84). Stateless. */
final class RuleFinder {
    /** The path of a member that a rule can ignore, or of a place inside an array that a rule can ignore. */
    private static final Pattern MEMBER = Pattern.compile("\\$((?:\\.[A-Za-z0-9_-]{1,64}){1,8})(?:\\[.*)?");

    /** Stands for the rule that makes keys of canonical forms. */
    static final String CANONICAL = "(canonical)";

    private RuleFinder() {}

    /**
     * The places to ignore so that both requests get the same key; {@link #CANONICAL} alone if they differ only in
     * order or spelling. Empty if no rule helps.
     *
     * @param differences see {@link Outline#differences}
     * @param mine paths of the values of one request
     * @param others paths of the values of the other request
     */
    static List<String> rule(List<String> differences, Set<String> mine, Set<String> others) {
        if (differences.size() == 1
                && (differences.get(0).startsWith("(order of")
                        || differences.get(0).startsWith("(spelling"))) {
            return List.of(CANONICAL);
        }
        Set<String> places = new TreeSet<>();
        for (String path : differences) {
            Matcher member = MEMBER.matcher(path);
            if (!member.matches()) {
                return List.of();
            }
            places.add(shared(member.group(1).substring(1), mine, others));
        }
        try {
            return KeyRules.NONE.ignoring(List.copyOf(places)).ignored();
        } catch (IllegalArgumentException cannotBeIgnored) {
            return List.of();
        }
    }

    /** The place, or its outermost ancestor that only one of the requests has. */
    private static String shared(String place, Set<String> mine, Set<String> others) {
        String found = place;
        int dot = found.lastIndexOf('.');
        while (dot >= 0 && !(isThere(found.substring(0, dot), mine) && isThere(found.substring(0, dot), others))) {
            found = found.substring(0, dot);
            dot = found.lastIndexOf('.');
        }
        return found;
    }

    private static boolean isThere(String place, Set<String> paths) {
        String path = "$." + place;
        return paths.stream().anyMatch(each -> each.equals(path) || each.startsWith(path + "."));
    }

    /** The paths with these numbers. */
    static Set<String> paths(int[] numbers, IntFunction<String> names) {
        Set<String> paths = new TreeSet<>();
        for (int number : numbers) {
            paths.add(names.apply(number));
        }
        return paths;
    }

    /** The rule in the form of the settings file, merged with the rules in force. */
    static String yaml(ResponseCache cache, Endpoint endpoint, List<String> rule) {
        if (rule.equals(List.of(CANONICAL))) {
            return "key:\n  normalization: canonical\n";
        }
        List<String> places = new ArrayList<>();
        for (Endpoint each : Endpoint.values()) {
            for (String place : cache.admin().keyRules(each).ignored()) {
                if (isForAll(cache, place)) {
                    if (!places.contains(place)) {
                        places.add(place);
                    }
                } else {
                    places.add(each.id() + ":" + place);
                }
            }
        }
        List<String> known = cache.admin().keyRules(endpoint).ignored();
        rule.stream()
                .filter(place -> known.stream().noneMatch(it -> place.equals(it) || place.startsWith(it + ".")))
                .forEach(place -> places.add(endpoint.id() + ":" + place));
        return "key:\n  ignore: " + String.join(", ", places) + "\n";
    }

    private static boolean isForAll(ResponseCache cache, String place) {
        for (Endpoint each : Endpoint.values()) {
            if (!cache.admin().keyRules(each).ignored().contains(place)) {
                return false;
            }
        }
        return true;
    }
}
