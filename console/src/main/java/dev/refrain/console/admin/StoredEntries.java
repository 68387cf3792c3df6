package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.explain.QuestionFields;
import dev.refrain.console.explain.Times;
import dev.refrain.engine.CacheAdmin;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.stats.EntryPage;
import dev.refrain.engine.stats.EntryQuery;
import dev.refrain.engine.stats.StoredEntry;
import dev.refrain.semantics.caller.Callers;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.StatusCodes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows the store's entries page by page, and a single answer if the operator allows that. Entries have only hashes of
 * models and callers; log and settings provide the names.
 */
final class StoredEntries {
    private static final Logger LOG = LoggerFactory.getLogger(StoredEntries.class);

    private static final Set<String> PAGING =
            Set.of("search", "model", "scope", "namespace", "key", "sort", "order", "limit", "cursor");
    private static final String CONTENT = "/content";

    /** The time after which a page ends with the entries seen so far. */
    private static final long MAX_MILLIS = 3000;
    /** Limit of the part of an answer that is shown, in bytes. */
    private static final int MAX_SHOWN_BYTES = 256 * 1024;
    /** How many digits of a tag entries show. */
    private static final int TAG_DIGITS = 12;

    private static final long NAMES_MILLIS = 60_000;

    private final ResponseCache cache;
    private final ActivityLog activity;
    private final Supplier<Callers> callers;
    private final Walks walks;
    private final AdminOptions options;

    /** Names of callers and models, read from the log at most once a minute. Guarded by this. */
    private ActivityLog.Names names;

    private long namesNanos;

    StoredEntries(
            ResponseCache cache, ActivityLog activity, Supplier<Callers> callers, Walks walks, AdminOptions options) {
        this.cache = cache;
        this.activity = activity;
        this.callers = callers;
        this.walks = walks;
        this.options = options;
    }

    // ---- pages

    void page(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, PAGING);
        EntryQuery.Sort sort = parameters.choice("sort", EntryQuery.Sort.values(), StoredEntries::label);
        int limit = parameters.limit();
        if (limit > EntryQuery.MAX_LIMIT) {
            throw AdminException.badRequest("limit must be a number from 1 to " + EntryQuery.MAX_LIMIT + ".");
        }
        boolean ascending = parameters.ascending();
        List<EntryQuery.Match> matches = new ArrayList<>();
        EntryPage page;
        Map<String, String> labels = new HashMap<>();
        try {
            page = walks.take(() -> {
                ActivityLog.Names known = names();
                labels.putAll(labels(known));
                matches.addAll(matches(parameters, known, labels));
                return cache.admin()
                        .entries(new EntryQuery(
                                matches, sort, ascending, limit, parameters.get("cursor"), MAX_MILLIS, known.models()));
            });
        } catch (IllegalArgumentException e) {
            throw AdminException.badRequest(
                    "cursor must be the value of next in an earlier page, and key must be hexadecimal digits.");
        }
        Replies.json(exchange, document(page, labels));
    }

    private ObjectNode document(EntryPage page, Map<String, String> labels) {
        ObjectNode document = Documents.object();
        ArrayNode data = document.putArray("data");
        page.entries().forEach(entry -> data.add(of(entry, labels)));
        return document.put("next", page.next())
                .put("matching", page.matching())
                .put("bytes", page.bytes())
                .put("seen", page.seen())
                .put("complete", page.complete())
                .put("content", label(options.content()));
    }

    private static ObjectNode of(StoredEntry entry, Map<String, String> labels) {
        return Documents.object()
                .put("key", entry.key())
                .put("model", entry.model())
                .put("scope", labels.getOrDefault(entry.scope(), entry.scope()))
                .put("namespace", entry.namespace())
                .put("stored_at", Times.iso(entry.storedAtMillis()))
                .put("expires_at", Times.iso(entry.expiresAtMillis()))
                .put("age_seconds", entry.ageSeconds())
                .put("ttl_seconds", entry.ttlSeconds())
                .put("bytes", entry.bytes())
                .put("hits", entry.hits() < 0 ? null : entry.hits())
                .put("tokens_saved", entry.tokensSaved())
                .put("fetch_ms", entry.fetchMillis());
    }

    private static String label(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private synchronized ActivityLog.Names names() {
        long now = System.nanoTime();
        if (names == null || now - namesNanos > NAMES_MILLIS * 1_000_000) {
            names = activity.names();
            namesNanos = now;
        }
        return names;
    }

    /** Labels by the digits that entries show. A team in the settings takes precedence over a logged label. */
    private Map<String, String> labels(ActivityLog.Names known) {
        Map<String, String> labels = new HashMap<>();
        known.labels().forEach((tag, label) -> labels.put(tag.substring(0, TAG_DIGITS), label));
        callers.get().teams().forEach((tag, team) -> labels.put(tag.substring(0, TAG_DIGITS), team));
        return labels;
    }

    private static List<EntryQuery.Match> matches(
            Parameters parameters, ActivityLog.Names known, Map<String, String> labels) {
        List<EntryQuery.Match> matches = new ArrayList<>();
        String key = parameters.get("key");
        if (key != null) {
            matches.add(new EntryQuery.Match(key.toLowerCase(Locale.ROOT), Set.of(), Set.of(), Set.of()));
        }
        String scope = parameters.get("scope");
        if (scope != null) {
            matches.add(new EntryQuery.Match(null, scopes(labels, scope::equals, scope), Set.of(), Set.of()));
        }
        String model = parameters.get("model");
        if (model != null) {
            matches.add(new EntryQuery.Match(null, Set.of(), Set.of(model), Set.of()));
        }
        String namespace = parameters.get("namespace");
        if (namespace != null) {
            matches.add(new EntryQuery.Match(null, Set.of(), Set.of(), Set.of(namespace)));
        }
        String search = parameters.get("search");
        if (search != null) {
            String part = search.toLowerCase(Locale.ROOT);
            Predicate<String> has = name -> name.toLowerCase(Locale.ROOT).contains(part);
            Set<String> models = known.models().stream().filter(has).collect(Collectors.toCollection(HashSet::new));
            models.add(search);
            matches.add(new EntryQuery.Match(
                    part.matches("[0-9a-f]{1,64}") ? part : null, scopes(labels, has, search), models, Set.of(search)));
        }
        return matches;
    }

    /** The tags of scopes whose labels match, and the given text itself if it is a tag. */
    private static Set<String> scopes(Map<String, String> labels, Predicate<String> wanted, String given) {
        Set<String> tags = labels.entrySet().stream()
                .filter(each -> wanted.test(each.getValue()))
                .map(Map.Entry::getKey)
                .collect(Collectors.toCollection(HashSet::new));
        if (given.matches("[0-9a-f]{12}")) {
            tags.add(given);
        }
        return tags;
    }

    // ---- a look

    /**
     * Shows a stored answer.
     *
     * @param rest its key, followed by {@code /content}
     * @param body header fields of the request whose answer it is; a sealed answer needs the credentials among them. No
     *     field is kept
     */
    void look(HttpServerExchange exchange, String rest, JsonNode body) throws AdminException {
        if (!rest.endsWith(CONTENT)) {
            throw AdminException.notFound("There is nothing at " + exchange.getRequestPath() + ".");
        }
        String key = rest.substring(0, rest.length() - CONTENT.length());
        if (!key.matches("[0-9a-f]{64}")) {
            throw AdminException.badRequest("The key must have all of its 64 hexadecimal digits.");
        }
        if (options.content() != AdminOptions.Content.ON) {
            throw new AdminException(
                    StatusCodes.FORBIDDEN,
                    "Stored answers are not shown. The setting " + options.contentSetting() + ": on allows it.");
        }
        Map<String, String> headers = new HashMap<>();
        body.path("headers")
                .properties()
                .forEach(
                        header -> headers.put(header.getKey(), header.getValue().asText()));
        CachedResponse answer = new CachedResponse();
        CacheAdmin.Look found;
        try {
            found = cache.admin()
                    .look(key, callers.get().of(new QuestionFields(headers), "").scope(), answer);
        } catch (MemoryBudget.Exhausted noRoom) {
            throw new AdminException(
                    StatusCodes.SERVICE_UNAVAILABLE, "There is no memory for the answer now; try again in a moment.");
        }
        if (found == CacheAdmin.Look.NOTHING) {
            throw AdminException.notFound("Nothing is stored under this key any more.");
        } else if (found == CacheAdmin.Look.SEALED) {
            throw new AdminException(
                    StatusCodes.CONFLICT,
                    "The answer is sealed. Send the API key of its request; if the program's options set a scope, "
                            + "send that scope's secret instead.");
        }
        LOG.info(
                "The stored answer {} was looked at by way of the admin listener, from {}",
                key.substring(0, TAG_DIGITS),
                exchange.getSourceAddress().getAddress().getHostAddress());
        Replies.json(exchange, of(key, answer));
    }

    private static ObjectNode of(String key, CachedResponse answer) {
        int shown = Math.min(answer.length(), MAX_SHOWN_BYTES);
        return Documents.object()
                .put("key", key)
                .put("content_type", answer.contentType())
                .put("stored_at", Times.iso(answer.storedAtMillis()))
                .put("source_id", answer.sourceId().isEmpty() ? null : answer.sourceId())
                .put("finish_reason", answer.facts().finishReason())
                .put("bytes", answer.length())
                .put("shown_bytes", shown)
                .put("text", new String(answer.array(), 0, shown, StandardCharsets.UTF_8));
    }
}
