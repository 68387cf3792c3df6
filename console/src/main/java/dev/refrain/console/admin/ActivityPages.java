package dev.refrain.console.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.Order;
import dev.refrain.console.activity.Outcome;
import dev.refrain.console.activity.Summary;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.xnio.IoUtils;

/** Answers queries of the log: pages, groups, the whole log as a file, and single requests. */
final class ActivityPages {
    private static final Set<String> PAGING = Parameters.with(Parameters.FILTER, "sort", "order", "limit", "cursor");

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
            null,
            null);

    private static final Set<String> GROUPING = Parameters.with(Parameters.FILTER, "by", "sort", "limit", "cursor");
    private static final String ANSWER = "/answer";

    private final ActivityLog log;
    private final ResponseCache cache;
    private final Walks walks;

    ActivityPages(ActivityLog log, ResponseCache cache, Walks walks) {
        this.log = log;
        this.cache = cache;
        this.walks = walks;
    }

    /** Sends the figures of requests in groups. */
    void summary(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, GROUPING);
        Summary.By by = parameters.choice("by", Summary.By.values(), Summary.By::label);
        Summary summary = walks.take(() -> log.summary(
                parameters.filter(),
                by,
                parameters.choice("sort", Summary.Sort.values(), Summary.Sort::label),
                parameters.offset(),
                parameters.limit()));
        ObjectNode document = Documents.of(by, summary);
        document.put(
                "next",
                summary.more()
                        ? String.valueOf(parameters.offset() + summary.groups().size())
                        : null);
        document.put("currency", log.currency());
        Replies.json(exchange, document);
    }

    /**
     * Removes the stored answer that a request got, as the request's own caller could (wire rule W85).
     *
     * @param rest id of the request, followed by {@code /answer}
     */
    void takeBack(HttpServerExchange exchange, String rest) throws AdminException {
        if (!rest.endsWith(ANSWER)) {
            throw AdminException.notFound("There is nothing to remove at " + exchange.getRequestPath() + ".");
        }
        new Parameters(exchange, Set.of());
        Activity found = find(rest.substring(0, rest.length() - ANSWER.length()));
        boolean mayBeStored = found.outcome().isCached() || found.outcome() == Outcome.MISS;
        if (found.key() == null || found.isOfItems() || !mayBeStored) {
            throw AdminException.notFound("The cache has no entry for the answer to this request.");
        }
        cache.pipeline().takeBack(found.key(), found.outcome().isCached() ? found.sourceId() : found.id());
        Replies.json(exchange, Documents.object().put("id", found.id()).put("deleted", true));
    }

    private Activity find(String id) throws AdminException {
        return (id.matches("~[0-9]{1,18}") ? log.find(Long.parseLong(id.substring(1))) : log.find(id))
                .orElseThrow(() -> AdminException.notFound("The log has no request with the id " + id + "."));
    }

    void page(HttpServerExchange exchange) throws AdminException {
        Parameters parameters = new Parameters(exchange, PAGING);
        ActivityLog.Page page;
        try {
            page = walks.take(() -> log.query(
                    parameters.filter(),
                    parameters.choice("sort", Order.values(), Order::label),
                    parameters.ascending(),
                    parameters.limit(),
                    parameters.get("cursor")));
        } catch (IllegalArgumentException e) {
            throw AdminException.badRequest("cursor must be the value of next in an earlier page.");
        }
        ObjectNode document = Documents.of(page.data());
        document.put("next", page.next());
        document.put("complete", page.complete());
        document.put("currency", log.currency());
        Replies.json(exchange, document);
    }

    void one(HttpServerExchange exchange, String id) throws AdminException {
        Activity found = find(id);
        ObjectNode document = Documents.object();
        document.set("data", Documents.of(found));
        document.put("cause", Causes.of(found));
        document.set("source", log.sourceOf(found).map(Documents::of).orElse(null));
        document.put("currency", log.currency());
        Replies.json(exchange, document);
    }

    /** Sends the records of all requests that match as one CSV file, written as they are read. */
    void file(HttpServerExchange exchange) throws AdminException, IOException {
        Parameters parameters = new Parameters(exchange, Parameters.FILTER);
        var filter = parameters.filter();
        try (Walks.Steps steps = walks.inSteps()) {
            ActivityLog.Page first = steps.take(() -> log.query(filter, ActivityLog.MAX_LIMIT, null));
            write(exchange, first, cursor -> steps.take(() -> log.query(filter, ActivityLog.MAX_LIMIT, cursor)));
        }
    }

    /** Source of pages by their cursors. */
    @FunctionalInterface
    interface Pages {
        ActivityLog.Page at(String cursor) throws AdminException;
    }

    /**
     * Writes a file. If the log cannot be read to its end, the response breaks off, so that the file is not taken as
     * complete.
     */
    static void write(HttpServerExchange exchange, ActivityLog.Page first, Pages pages) throws IOException {
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
        exchange.getResponseHeaders().put(Headers.CONTENT_DISPOSITION, "attachment; filename=\"refrain-activity.csv\"");
        exchange.startBlocking();
        OutputStream out = exchange.getOutputStream();
        boolean isWhole = false;
        try {
            StringBuilder text = new StringBuilder();
            Csv.head(Documents.of(SAMPLE), text);
            ActivityLog.Page page = first;
            while (page != null) {
                page.data().forEach(activity -> Csv.row(Documents.of(activity), text));
                out.write(text.toString().getBytes(StandardCharsets.UTF_8));
                text.setLength(0);
                page = page.next() == null ? null : pages.at(page.next());
            }
            isWhole = true;
        } catch (AdminException e) {
            throw new IOException(
                    "The CSV file ends early, because the log could not be read to its end: " + e.getMessage(), e);
        } finally {
            if (isWhole) {
                out.close();
            } else {
                // Otherwise the client would take a part for the whole file.
                IoUtils.safeClose(exchange.getConnection());
            }
        }
    }
}
