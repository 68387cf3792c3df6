package dev.refrain.http.activity;

import dev.refrain.http.config.LabelSettings;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/**
 * What stands for an API key where no key may stand: the name that was configured for it, else the beginning of its tag. Thread-safe.
 */
final class Labels {
    /** Keys remembered before the memo is emptied: bounds the memory that clients with made-up keys can take. */
    private static final int MAX_KEYS = 4096;

    private static final int LABEL_DIGITS = 12;

    /**
     * What stands for a key.
     *
     * @param tag sixteen hexadecimal digits
     */
    record Scope(String label, String tag) {
        static Scope of(String name, long tag) {
            // In the order of its bytes, as in the store's file.
            String digits = HexFormat.of().toHexDigits(Long.reverseBytes(tag));
            return new Scope(name == null ? digits.substring(0, LABEL_DIGITS) : name, digits);
        }
    }

    private final Map<String, String> names;
    private final ToLongFunction<String> tags;
    private final ConcurrentHashMap<String, Scope> scopes = new ConcurrentHashMap<>();

    /** @param tags gives the tag of an API key */
    Labels(List<LabelSettings> labels, ToLongFunction<String> tags) {
        this.names = labels.stream().collect(Collectors.toMap(LabelSettings::sha256, LabelSettings::name));
        this.tags = tags;
    }

    Scope of(String apiKey) {
        Scope scope = scopes.get(apiKey);
        if (scope == null) {
            if (scopes.size() >= MAX_KEYS) {
                scopes.clear();
            }
            scope = Scope.of(names.isEmpty() ? null : names.get(sha256(apiKey)), tags.applyAsLong(apiKey));
            scopes.put(apiKey, scope);
        }
        return scope;
    }

    /** Of the keys that are remembered, those that are shown under a label. */
    Set<String> tags(String label) {
        return scopes.values().stream()
                .filter(scope -> label.equals(scope.label()))
                .map(Scope::tag)
                .collect(Collectors.toCollection(HashSet::new));
    }

    private static String sha256(String apiKey) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(digest.digest(apiKey.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
