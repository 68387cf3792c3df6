package dev.refrain.http.config;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * API keys that share their answers (wire rule W83).
 *
 * @param name the shown name, from which the team's scope is derived: a renamed team does not find its earlier answers
 * @param labels labels of keys of the team; never null
 * @param sha256 SHA-256 of further keys in lower-case hexadecimal; never null
 */
public record TeamSettings(
        @Setting(allowed = "a text of 1 to 64 characters that no other team and no label has")
        String name,

        @Setting(allowed = "a list of names that labels has, none of them of a key that another team has")
        List<String> labels,

        @Setting(
                allowed = "a list of the SHA-256 of API keys, 64 lower-case hexadecimal digits each, none of which"
                        + " another team has")
        List<String> sha256) {
    /** Checks what does not depend on other settings. */
    public TeamSettings {
        InvalidSetting.unless(name != null && !name.isBlank() && name.length() <= 64, "name");
        labels = labels == null ? List.of() : List.copyOf(labels);
        sha256 = sha256 == null ? List.of() : List.copyOf(sha256);
        InvalidSetting.unless(sha256.stream().allMatch(key -> key.matches("[0-9a-f]{64}")), "sha256");
        InvalidSetting.unless(!labels.isEmpty() || !sha256.isEmpty(), "labels");
    }

    /** The team of each key, by the key's SHA-256. */
    static Map<String, String> byKey(List<TeamSettings> teams, List<LabelSettings> known) {
        Map<String, String> byKey = new TreeMap<>();
        Set<String> names = new HashSet<>();
        known.forEach(label -> names.add(label.name()));
        for (int i = 0; i < teams.size(); i++) {
            TeamSettings team = teams.get(i);
            String prefix = "teams[" + i + "].";
            InvalidSetting.unless(names.add(team.name()), prefix + "name");
            for (String name : team.labels()) {
                List<LabelSettings> keys = known.stream()
                        .filter(label -> label.name().equals(name))
                        .toList();
                InvalidSetting.unless(!keys.isEmpty(), prefix + "labels");
                keys.forEach(key -> InvalidSetting.unless(team.has(key.sha256(), byKey), prefix + "labels"));
            }
            team.sha256().forEach(key -> InvalidSetting.unless(team.has(key, byKey), prefix + "sha256"));
        }
        return byKey;
    }

    /** Adds a key to the team. Returns false if another team has the key. */
    private boolean has(String key, Map<String, String> byKey) {
        return byKey.merge(key, name, (before, now) -> before).equals(name);
    }
}
