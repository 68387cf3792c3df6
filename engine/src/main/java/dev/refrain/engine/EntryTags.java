package dev.refrain.engine;

import dev.refrain.engine.internal.request.TopLevelFields;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.EntryQuery;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** An {@link EntryQuery.Match}, translated into the tags that entry heads hold in place of names. Immutable. */
final class EntryTags {
    private static final int LOWER_HALF = 32;
    /** How many bits of a scope's tag are left out in its twelve hexadecimal digits. */
    private static final int NOT_SHOWN = 16;

    private final byte[] prefix;
    private final long[] scopes;
    private final int[] models;
    private final int[] namespaces;

    EntryTags(EntryQuery.Match match) {
        prefix = match.keyPrefix() == null ? null : match.keyPrefix().getBytes(StandardCharsets.US_ASCII);
        scopes = match.scopes().stream()
                .mapToLong(scope -> Long.parseLong(scope, 16))
                .sorted()
                .toArray();
        models = match.models().stream().mapToInt(EntryTags::modelTag).sorted().toArray();
        namespaces =
                match.namespaces().stream().mapToInt(Namespaces::tag).sorted().toArray();
    }

    /** The upper half of a model's tag. In entries of a namespace, the namespace's tag replaces the lower half. */
    static int modelTag(String model) {
        return (int) (TopLevelFields.tag(model) >>> LOWER_HALF);
    }

    boolean match(byte[] key, byte[] head) {
        return (prefix != null && hasPrefix(key))
                || Arrays.binarySearch(scopes, Long.reverseBytes(EntryHead.scope(head)) >>> NOT_SHOWN) >= 0
                || Arrays.binarySearch(models, (int) (EntryHead.model(head) >>> LOWER_HALF)) >= 0
                || Arrays.binarySearch(namespaces, (int) EntryHead.model(head)) >= 0;
    }

    private boolean hasPrefix(byte[] key) {
        for (int i = 0; i < prefix.length; i++) {
            int digit = i % 2 == 0 ? key[i / 2] >> 4 : key[i / 2];
            if (prefix[i] != Character.forDigit(digit & 0xF, 16)) {
                return false;
            }
        }
        return true;
    }
}
