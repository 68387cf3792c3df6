package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.stats.EntryPage;
import dev.refrain.engine.stats.EntryQuery;
import dev.refrain.semantics.caller.Callers;
import io.undertow.server.HttpServerExchange;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** Removes and counts stored answers by key, scope, model or namespace, or all of them. */
final class Purge {
    private static final Set<String> WAYS = Set.of("key", "scope", "model", "namespace", "all");
    /** How many digits of a scope's tag an entry has. */
    private static final int TAG_DIGITS = 12;

    private static final long COUNT_MILLIS = 5000;
    private static final ActivityLog.Tags NONE = new ActivityLog.Tags(Set.of(), true);

    private final ResponseCache cache;
    private final ActivityLog activity;
    private final Supplier<Callers> callers;
    private final Walks walks;

    Purge(ResponseCache cache, ActivityLog activity, Supplier<Callers> callers, Walks walks) {
        this.cache = cache;
        this.activity = activity;
        this.callers = callers;
        this.walks = walks;
    }

    /** Says how many answers a purge would remove now. */
    void count(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, WAYS);
        String way = way(exchange, parameters);
        String value = parameters.get(way);
        Replies.json(exchange, walks.take(() -> count(way, value)));
    }

    private ObjectNode count(String way, String value) throws AdminException {
        ActivityLog.Tags logged = way.equals("scope") ? activity.scopeTagsInTime(names(value)) : NONE;
        List<EntryQuery.Match> matches = matches(way, value, logged);
        EntryPage page = cache.admin().entries(EntryQuery.count(matches, COUNT_MILLIS));
        return Documents.object()
                .put("matching", page.matching())
                .put("bytes", page.bytes())
                .put("seen", page.seen())
                .put("complete", page.complete() && logged.complete());
    }

    /** @param logged the scope's tags in the log; used only if {@code way} is {@code scope} */
    private List<EntryQuery.Match> matches(String way, String value, ActivityLog.Tags logged) throws AdminException {
        return switch (way) {
            case "key" -> List.of(new EntryQuery.Match(digest(value), Set.of(), Set.of(), Set.of()));
            case "scope" -> List.of(new EntryQuery.Match(null, tags(value, logged), Set.of(), Set.of()));
            case "model" -> List.of(new EntryQuery.Match(null, Set.of(), Set.of(value), Set.of()));
            case "namespace" -> List.of(new EntryQuery.Match(null, Set.of(), Set.of(), Set.of(value)));
            default -> {
                requireTrue(value);
                yield List.of();
            }
        };
    }

    void answer(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, WAYS);
        String way = way(exchange, parameters);
        Replies.json(exchange, Map.of("removed", remove(way, parameters.get(way))));
    }

    private static String way(HttpServerExchange exchange, Parameters parameters) throws AdminException {
        List<String> given =
                WAYS.stream().filter(way -> parameters.get(way) != null).toList();
        // Two values of one parameter are ambiguous, too.
        if (given.size() != 1 || exchange.getQueryParameters().get(given.get(0)).size() != 1) {
            throw AdminException.badRequest("Give exactly one of key, scope, model, namespace and all=true.");
        }
        return given.get(0);
    }

    /** Sends the namespaces that have entries. */
    void namespaces(HttpServerExchange exchange) throws AdminException {
        new Parameters(exchange, Set.of());
        ObjectNode document = Documents.object();
        ArrayNode data = document.putArray("data");
        walks.take(() -> cache.admin().namespaces())
                .forEach(
                        facts -> data.addObject().put("namespace", facts.name()).put("entries", facts.entries()));
        Replies.json(exchange, document);
    }

    /**
     * Sends the tags of a scope: the tags of the keys under a label, or of a team. For commands that read the store
     * themselves: entries have only tags, and the log has the labels.
     */
    void scopes(HttpServerExchange exchange) throws AdminException {
        String scope = new Parameters(exchange, Set.of("scope")).get("scope");
        if (scope == null) {
            throw AdminException.badRequest("scope must be a label, a team or 12 hexadecimal digits.");
        }
        ActivityLog.Tags logged = walks.take(() -> activity.scopeTagsInTime(names(scope)));
        ObjectNode document = Documents.object();
        ArrayNode data = document.putArray("data");
        tags(scope, logged).stream().sorted().forEach(data::add);
        Replies.json(exchange, document.put("complete", logged.complete()));
    }

    private long remove(String way, String value) throws AdminException {
        return switch (way) {
            case "key" -> cache.admin().removeDigest(digest(value));
            case "scope" ->
                // Reads the whole log without a time limit, so that no entry of the scope is left.
                tags(value, new ActivityLog.Tags(activity.scopeTags(names(value)), true)).stream()
                        .mapToLong(cache.admin()::removeScopeTagged)
                        .sum();
            case "model" -> cache.admin().removeModel(value);
            case "namespace" -> cache.admin().removeNamespace(value);
            default -> {
                requireTrue(value);
                yield cache.admin().clear();
            }
        };
    }

    private static void requireTrue(String all) throws AdminException {
        if (!all.equals("true")) {
            throw AdminException.badRequest("all must be true.");
        }
    }

    private static String digest(String key) throws AdminException {
        String digits = key.toLowerCase(Locale.ROOT);
        if (!digits.matches("[0-9a-f]{12,64}")) {
            throw AdminException.badRequest(
                    "key must be at least the first 12 hexadecimal digits of a key, as Cache-Status shows them.");
        }
        return digits;
    }

    /**
     * The names under which the log may have a scope. A team's key that has a label of its own is logged under its
     * label.
     */
    private Set<String> names(String scope) {
        Set<String> names = new HashSet<>(callers.get().labels(scope));
        names.add(scope);
        return names;
    }

    /**
     * The tags of a scope, given by its name or by its digits. Only the log knows the tags of API keys under a label.
     */
    private Set<String> tags(String scope, ActivityLog.Tags logged) throws AdminException {
        Set<String> tags = new HashSet<>();
        if (scope.matches("[0-9a-f]{12}")) {
            tags.add(scope);
        }
        callers.get().tags(scope, logged.tags()).forEach(tag -> tags.add(tag.substring(0, TAG_DIGITS)));
        if (tags.isEmpty() && logged.complete()) {
            throw AdminException.notFound(
                    "There was no request of the scope " + scope + ", as far as the log goes back.");
        }
        return tags;
    }
}
