package dev.refrain.semantics.caller;

import dev.refrain.engine.CacheScope;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.RequestFields;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Determines who sends a request, from all credentials in its header and query string (wire rule W15). Keeps none of
 * the credentials. Thread-safe.
 *
 * <p>If all credentials of a request are the same API key, in any of the fields for API keys, the request has that
 * key's scope. Any other request has the scope of the names and values of all its credential fields: in the order of
 * their names, and for lines of one field in the order in which they were sent (RFC 9110, 5.3). Names are compared
 * without case. Empty lines do not count.
 *
 * <p>The API keys of a team (W83) count as one key. A request with no other credential has the team's scope. A request
 * with other credentials has a scope made of the team and those.
 */
public final class Callers {
    /** Fields whose whole value is an API key. */
    private static final Set<String> API_KEY_FIELDS = Set.of("x-api-key", "api-key", "x-goog-api-key");

    private static final String AUTHORIZATION = "authorization";

    private static final String BEARER = "bearer";

    private final ResponseCache cache;
    private final CredentialFields fields;
    /** Names by the SHA-256 of an API key. */
    private final Map<String, String> names;
    /** Names of teams by the SHA-256 of an API key. */
    private final Map<String, String> teams;
    /** SHA-256 of the only API keys whose requests are served; empty to serve everybody. */
    private final Set<String> allowed;

    private final CacheScope anonymous;
    private final LabelledTags labelled;
    /** The request rates of API keys; null if requests are not counted. */
    private final RequestRates rates;

    /**
     * Callers without teams, all of whom are served.
     *
     * @param cache the cache that makes the scopes
     * @param fields which fields hold credentials
     * @param names display names of API keys, by the key's SHA-256 in lower-case hexadecimal
     */
    public Callers(ResponseCache cache, CredentialFields fields, Map<String, String> names) {
        this(cache, fields, names, Map.of(), Set.of());
    }

    /**
     * Callers with teams. Either all callers are served, or only those with allowed API keys.
     *
     * @param cache the cache that makes the scopes
     * @param fields which fields hold credentials
     * @param names display names of API keys, by the key's SHA-256 in lower-case hexadecimal
     * @param teams team names, by the SHA-256 of each key of the team (wire rule W83)
     * @param allowed SHA-256 of the only API keys whose requests are served; empty to serve everybody
     */
    public Callers(
            ResponseCache cache,
            CredentialFields fields,
            Map<String, String> names,
            Map<String, String> teams,
            Set<String> allowed) {
        this(cache, fields, names, teams, allowed, new LabelledTags(), null);
    }

    private Callers(
            ResponseCache cache,
            CredentialFields fields,
            Map<String, String> names,
            Map<String, String> teams,
            Set<String> allowed,
            LabelledTags labelled,
            RequestRates rates) {
        this.cache = cache;
        this.fields = fields;
        this.names = Map.copyOf(names);
        this.teams = Map.copyOf(teams);
        this.allowed = Set.copyOf(allowed);
        this.labelled = labelled;
        this.rates = rates;
        this.anonymous = cache.pipeline().scope("");
    }

    /**
     * A copy with other names, teams and allowed keys, which remembers the tags seen under each label.
     *
     * @param otherNames display names of API keys, by the key's SHA-256
     * @param otherTeams team names, by the SHA-256 of each key of the team
     * @param otherAllowed SHA-256 of the only API keys whose requests are served; empty to serve everybody
     */
    public Callers with(Map<String, String> otherNames, Map<String, String> otherTeams, Set<String> otherAllowed) {
        return new Callers(cache, fields, otherNames, otherTeams, otherAllowed, labelled, rates);
    }

    /** A copy that limits the request rate of each API key. */
    public Callers with(RequestRates otherRates) {
        return new Callers(cache, fields, names, teams, allowed, labelled, otherRates);
    }

    private CacheScope ofTeam(String team, List<String> others) {
        return cache.pipeline().teamScope(team, others);
    }

    /** Which fields hold credentials. */
    public CredentialFields fields() {
        return fields;
    }

    /** Whether a caller has shown no credential. */
    public boolean isAnonymous(Caller caller) {
        return caller.scope().equals(anonymous);
    }

    /**
     * The tags of all scopes that belong to a configured label: those lately seen under it, those logged under it, and
     * its team's tag, even if no request has had that tag. Tags of other teams are left out, since the label's keys may
     * have left those teams.
     *
     * @param logged tags that the log has under the label; the log may be older than the configuration
     */
    public Set<String> tags(String label, Set<String> logged) {
        Set<String> tags = labelled.of(label);
        tags.addAll(logged);
        Set<String> own = new HashSet<>(Set.of(label));
        names.forEach((key, name) -> {
            if (name.equals(label) && teams.containsKey(key)) {
                own.add(teams.get(key));
            }
        });
        for (String team : Set.copyOf(teams.values())) {
            String tag = ofTeam(team, List.of()).hexTag();
            if (own.contains(team)) {
                tags.add(tag);
            } else {
                tags.remove(tag);
            }
        }
        return tags;
    }

    /** Team names by the tags of their scopes, sixteen digits each. */
    public Map<String, String> teams() {
        Map<String, String> byTag = new HashMap<>();
        Set.copyOf(teams.values())
                .forEach(team -> byTag.put(ofTeam(team, List.of()).hexTag(), team));
        return byTag;
    }

    /** The labels whose keys are all in a team. */
    public Set<String> labels(String team) {
        Set<String> labels = new HashSet<>();
        names.forEach((key, name) -> {
            if (team.equals(teams.get(key))) {
                labels.add(name);
            }
        });
        names.forEach((key, name) -> {
            if (!team.equals(teams.get(key))) {
                labels.remove(name);
            }
        });
        return labels;
    }

    /** @param name in lower case */
    private record Field(String name, List<String> lines) {}

    /**
     * Who sends a request.
     *
     * @param query as sent, or empty
     */
    public Caller of(RequestFields request, String query) {
        Credentials credentials = new Credentials();
        List<Field> counting = new ArrayList<>(4);
        request.forEach((name, lines) -> {
            if (fields.contains(name)) {
                counting.add(new Field(name.toLowerCase(Locale.ROOT), lines));
            }
        });
        if (counting.size() > 1) {
            counting.sort(Comparator.comparing(Field::name));
        }
        for (Field field : counting) {
            for (String line : field.lines()) {
                credentials.add(field.name(), line.trim());
            }
        }
        if (!query.isEmpty()) {
            addFrom(query, credentials);
        }
        String team = credentials.team();
        Set<String> names = credentials.names();
        if (team != null) {
            names.add(team);
        }
        Caller caller =
                Caller.of(credentials.scope(team), List.copyOf(names), credentials.areAllowed(), credentials.rates());
        names.forEach(name -> labelled.add(name, caller.tag()));
        return caller;
    }

    private void addFrom(String query, Credentials credentials) {
        for (String parameter : query.split("[&;]", -1)) {
            int equals = parameter.indexOf('=');
            if (equals > 0) {
                String name = decoded(parameter.substring(0, equals));
                if (fields.contains(name)) {
                    // No header field's name begins with a question mark, so the two kinds stay distinct.
                    credentials.addNamed("?" + name, parameter.substring(equals + 1));
                }
            }
        }
    }

    private static String decoded(String name) {
        try {
            return URLDecoder.decode(name, StandardCharsets.ISO_8859_1);
        } catch (IllegalArgumentException malformed) {
            return name;
        }
    }

    /** The credentials of one request. */
    private final class Credentials {
        /** Names and values, alternating. */
        private final List<String> all = new ArrayList<>(4);
        /** Indexes in {@link #all} of the values that are API keys. */
        private final BitSet apiKeys = new BitSet();
        /** The API key that was added last; null if there is none yet. */
        private String apiKey;
        /** Whether there are different API keys, or a credential of another kind. */
        private boolean several;

        /** @param field in lower case */
        void add(String field, String value) {
            if (field.equals(AUTHORIZATION)) {
                addAuthorization(value);
            } else if (API_KEY_FIELDS.contains(field)) {
                addApiKey(field, value);
            } else {
                addNamed(field, value);
            }
        }

        /**
         * {@code Bearer x} is the API key x, and so is {@code x} without a scheme. With any other scheme, the whole
         * value is the credential.
         */
        private void addAuthorization(String value) {
            int space = value.indexOf(' ');
            String scheme = space < 0 ? value : value.substring(0, space);
            if (scheme.equalsIgnoreCase(BEARER)) {
                addApiKey(AUTHORIZATION, space < 0 ? "" : value.substring(space).trim());
            } else if (space < 0) {
                addApiKey(AUTHORIZATION, value);
            } else {
                addNamed(AUTHORIZATION, value);
            }
        }

        private void addApiKey(String name, String key) {
            if (!key.isEmpty()) {
                several |= apiKey != null && !apiKey.equals(key);
                apiKey = key;
                all.add(name);
                apiKeys.set(all.size());
                all.add(key);
            }
        }

        void addNamed(String name, String value) {
            if (!value.isEmpty()) {
                several = true;
                all.add(name);
                all.add(value);
            }
        }

        /** The team of those API keys that have one; null if none has, or if their teams differ. */
        String team() {
            String found = null;
            for (int i = apiKeys.nextSetBit(0); i >= 0 && !teams.isEmpty(); i = apiKeys.nextSetBit(i + 1)) {
                String team = teams.get(sha256(all.get(i)));
                if (team != null && found != null && !found.equals(team)) {
                    return null;
                }
                found = team == null ? found : team;
            }
            return found;
        }

        /** Whether there are API keys and all of them are allowed; always true if everybody is served. */
        boolean areAllowed() {
            for (int i = apiKeys.nextSetBit(0); i >= 0 && !allowed.isEmpty(); i = apiKeys.nextSetBit(i + 1)) {
                if (!allowed.contains(sha256(all.get(i)))) {
                    return false;
                }
            }
            return allowed.isEmpty() || !apiKeys.isEmpty();
        }

        /**
         * The credentials with an empty text in place of each API key of the team; empty if there are no others. No
         * other value is empty, so different credentials give different lists.
         */
        private List<String> without(String team) {
            List<String> others = new ArrayList<>(all);
            int keys = 0;
            for (int i = apiKeys.nextSetBit(0); i >= 0; i = apiKeys.nextSetBit(i + 1)) {
                if (team.equals(teams.get(sha256(all.get(i))))) {
                    others.set(i, "");
                    keys++;
                }
            }
            return 2 * keys == all.size() ? List.of() : others;
        }

        /** The rate of each API key. Other credentials do not count: a new cookie must not give a key a new rate. */
        List<RequestRate> rates() {
            if (rates == null) {
                return List.of();
            }
            Set<String> keys = new LinkedHashSet<>();
            for (int i = apiKeys.nextSetBit(0); i >= 0; i = apiKeys.nextSetBit(i + 1)) {
                keys.add(all.get(i));
            }
            return keys.isEmpty()
                    ? List.of(rates.of(anonymous))
                    : keys.stream()
                            .map(key -> rates.of(cache.pipeline().scope(key)))
                            .toList();
        }

        /** @param team of the API keys, or null */
        CacheScope scope(String team) {
            if (team != null) {
                return ofTeam(team, without(team));
            }
            return several
                    ? cache.pipeline().scope(all)
                    : apiKey == null ? anonymous : cache.pipeline().scope(apiKey);
        }

        /** The configured names of the credentials that have one, in their order. */
        Set<String> names() {
            Set<String> found = new LinkedHashSet<>();
            for (int i = 1; i < all.size() && !names.isEmpty(); i += 2) {
                String value = all.get(i);
                String name = names.get(sha256(value));
                int space = value.indexOf(' ');
                if (name == null && space > 0) {
                    name = names.get(sha256(value.substring(space).trim()));
                }
                if (name != null) {
                    found.add(name);
                }
            }
            return found;
        }
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
