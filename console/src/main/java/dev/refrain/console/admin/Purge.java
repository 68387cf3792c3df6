package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.caller.Callers;
import io.undertow.server.HttpServerExchange;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Removes stored answers. */
final class Purge {
    private static final Set<String> WAYS = Set.of("key", "scope", "model", "namespace", "all");
    /** The digits of a tag that the log shows. */
    private static final int TAG_DIGITS = 12;

    private final ResponseCache cache;
    private final ActivityLog activity;
    private final Callers callers;

    Purge(ResponseCache cache, ActivityLog activity, Callers callers) {
        this.cache = cache;
        this.activity = activity;
        this.callers = callers;
    }

    void answer(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, WAYS);
        List<String> given =
                WAYS.stream().filter(way -> parameters.get(way) != null).toList();
        // Two values of one parameter are ambiguous, too.
        if (given.size() != 1 || exchange.getQueryParameters().get(given.get(0)).size() != 1) {
            throw AdminException.badRequest("Give exactly one of key, scope, model, namespace and all=true.");
        }
        Replies.json(exchange, Map.of("removed", remove(given.get(0), parameters.get(given.get(0)))));
    }

    /** The namespaces in which something is stored. */
    void namespaces(HttpServerExchange exchange) throws AdminException {
        new Parameters(exchange, Set.of());
        ObjectNode document = Documents.object();
        ArrayNode data = document.putArray("data");
        cache.admin()
                .namespaces()
                .forEach(
                        facts -> data.addObject().put("namespace", facts.name()).put("entries", facts.entries()));
        Replies.json(exchange, document);
    }

    private long remove(String way, String value) throws AdminException {
        return switch (way) {
            case "key" -> removeKey(value.toLowerCase(Locale.ROOT));
            case "scope" -> removeScope(value);
            case "model" -> cache.admin().removeModel(value);
            case "namespace" -> cache.admin().removeNamespace(value);
            default -> {
                if (!value.equals("true")) {
                    throw AdminException.badRequest("all must be true.");
                }
                yield cache.admin().clear();
            }
        };
    }

    private long removeKey(String digest) throws AdminException {
        try {
            return cache.admin().removeDigest(digest);
        } catch (IllegalArgumentException e) {
            throw AdminException.badRequest(
                    "key must be at least the first 12 hexadecimal digits of a key, as Cache-Status shows them.");
        }
    }

    /** Removes the answers of a scope as the log shows it. Only the log knows which API keys have a given name. */
    private long removeScope(String scope) throws AdminException {
        Set<String> tags = new HashSet<>();
        if (scope.matches("[0-9a-f]{12}")) {
            tags.add(scope);
        }
        Set<String> logged = activity.scopeTags(scope);
        // A key of a team that has a label stands in the log under that.
        callers.labels(scope).forEach(label -> logged.addAll(activity.scopeTags(label)));
        callers.tags(scope, logged).forEach(tag -> tags.add(tag.substring(0, TAG_DIGITS)));
        if (tags.isEmpty()) {
            throw AdminException.notFound(
                    "There was no request of the scope " + scope + ", as far as the log goes back.");
        }
        return tags.stream().mapToLong(cache.admin()::removeScopeTagged).sum();
    }
}
