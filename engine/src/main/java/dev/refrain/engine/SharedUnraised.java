package dev.refrain.engine;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What was removed here while the tier could not be told. Names are kept once each, some 4 MiB of them at most.
 *
 * <p>Clients say how many keys are removed, so that too many of those cost only the callers that they are of: they
 * become one barrier for the caller's scope. Thread-safe.
 */
final class SharedUnraised {
    /** With more, those of one scope become one barrier for it. */
    static final int MAX_KEYS = 20_000;

    /** The name of a barrier, and that of the scope that it is of; null if that is not known. */
    record Kept(String name, String scope) {}

    /** Barriers for keys, and their scopes. Guarded by this, as the others are. */
    private final Map<String, String> keys = new LinkedHashMap<>();
    /** With more than {@link SharedBarriers#MAX_NAMES}, they become one barrier for everything. */
    private final Set<String> others = new HashSet<>();

    synchronized void add(Kept kept) {
        if (others.contains(SharedBarriers.all()) || others.contains(kept.scope)) {
            return;
        }
        if (kept.name.charAt(0) != SharedBarriers.KEY) {
            addOther(kept.name);
            return;
        }
        keys.put(kept.name, kept.scope);
        if (keys.size() > MAX_KEYS) {
            String scope = kept.scope != null
                    ? kept.scope
                    : keys.values().stream()
                            .filter(Objects::nonNull)
                            .findFirst()
                            .orElse(SharedBarriers.all());
            keys.values().removeIf(scope::equals);
            addOther(scope);
        }
    }

    private void addOther(String name) {
        others.add(name);
        if (others.size() > SharedBarriers.MAX_NAMES || name.equals(SharedBarriers.all())) {
            keys.clear();
            others.clear();
            others.add(SharedBarriers.all());
        }
    }

    synchronized boolean isEmpty() {
        return keys.isEmpty() && others.isEmpty();
    }

    /** Takes out as many as that at most: those for more than a key first. */
    synchronized List<Kept> take(int most) {
        List<Kept> taken = new ArrayList<>();
        others.stream().limit(most).forEach(name -> taken.add(new Kept(name, null)));
        taken.forEach(kept -> others.remove(kept.name));
        keys.entrySet().stream()
                .limit(most - taken.size())
                .map(key -> new Kept(key.getKey(), key.getValue()))
                .forEach(taken::add);
        taken.forEach(kept -> keys.remove(kept.name));
        return taken;
    }
}
