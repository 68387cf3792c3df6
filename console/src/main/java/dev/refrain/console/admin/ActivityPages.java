package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.Outcome;
import dev.refrain.engine.exchange.Endpoint;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/** The log of requests, page by page, as a file, and one by one. */
final class ActivityPages {
    private static final Set<String> FILTERS = Set.of("cached", "model", "endpoint", "scope", "since");
    private static final Set<String> PAGING =
            Set.of("cached", "model", "endpoint", "scope", "since", "limit", "cursor");

    private static final Activity SAMPLE = new Activity(
            0,
            null,
            0,
            Endpoint.CHAT,
            null,
            null,
            null,
            null,
            false,
            0,
            Outcome.OFF,
            null,
            null,
            null,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            null,
            false,
            null,
            null);

    private final ActivityLog log;

    ActivityPages(ActivityLog log) {
        this.log = log;
    }

    void page(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, PAGING);
        ActivityLog.Page page;
        try {
            page = log.query(parameters.filter(), parameters.limit(), parameters.get("cursor"));
        } catch (IllegalArgumentException e) {
            throw AdminException.badRequest("cursor must be next of an earlier page.");
        }
        ObjectNode document = Documents.of(page.data());
        document.put("next", page.next());
        document.put("currency", log.currency());
        Replies.json(exchange, document);
    }

    void one(HttpServerExchange exchange, String id) throws AdminException {
        Activity found = (id.matches("~[0-9]{1,18}") ? log.find(Long.parseLong(id.substring(1))) : log.find(id))
                .orElseThrow(() -> AdminException.notFound("The log has no request with the id " + id + "."));
        ObjectNode document = Documents.object();
        document.set("data", Documents.of(found));
        document.set("source", log.sourceOf(found).map(Documents::of).orElse(null));
        document.put("currency", log.currency());
        Replies.json(exchange, document);
    }

    /** All that match, written as they are read. */
    void file(HttpServerExchange exchange) throws AdminException, IOException {
        Parameters parameters = new Parameters(exchange, FILTERS);
        var filter = parameters.filter();
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
        exchange.getResponseHeaders().put(Headers.CONTENT_DISPOSITION, "attachment; filename=\"refrain-activity.csv\"");
        exchange.startBlocking();
        try (OutputStream out = exchange.getOutputStream()) {
            StringBuilder text = new StringBuilder();
            Csv.head(Documents.of(SAMPLE), text);
            String cursor = null;
            do {
                ActivityLog.Page page = log.query(filter, ActivityLog.MAX_LIMIT, cursor);
                page.data().forEach(activity -> Csv.row(Documents.of(activity), text));
                out.write(text.toString().getBytes(StandardCharsets.UTF_8));
                text.setLength(0);
                cursor = page.next();
            } while (cursor != null);
        }
    }
}
