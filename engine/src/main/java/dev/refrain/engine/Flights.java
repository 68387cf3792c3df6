package dev.refrain.engine;

import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/** The flights that can be joined: at most one for each key (wire rule W28). */
final class Flights {
    private final ConcurrentHashMap<CacheKey, Flight> joinable = new ConcurrentHashMap<>();

    /** The flight of a key, or null if there is none. */
    Flight get(CacheKey key) {
        return joinable.get(key);
    }

    /** Replaces a flight, or adds one if {@code old} is null. Returns false if the key has another flight by now. */
    boolean replace(Flight old, Flight with) {
        return old == null ? joinable.putIfAbsent(with.key(), with) == null : joinable.replace(with.key(), old, with);
    }

    /** Puts a flight in place of any other for its key. */
    void supersede(Flight with) {
        Flight old = joinable.put(with.key(), with);
        if (old != null) {
            old.supersede();
        }
    }

    /** Removes a flight, unless another one has replaced it. */
    void remove(Flight flight) {
        joinable.remove(flight.key(), flight);
    }

    /** A flight whose key has this {@link CacheKey#shortDigest}, or null if there is none. */
    Flight ofDigest(String shortDigest) {
        return first(flight -> flight.key().shortDigest().equals(shortDigest));
    }

    /** A flight of a scope that has given a client this generation id, or null if there is none. */
    Flight ofId(CacheScope scope, String id) {
        return first(flight -> scope.equals(flight.key().knownScope()) && flight.hasGiven(id));
    }

    private Flight first(Predicate<Flight> which) {
        return joinable.values().stream().filter(which).findFirst().orElse(null);
    }

    int size() {
        return joinable.size();
    }
}
