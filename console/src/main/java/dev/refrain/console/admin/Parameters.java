package dev.refrain.console.admin;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.Filter;
import dev.refrain.console.activity.TimeSeries;
import dev.refrain.engine.exchange.Endpoint;
import io.undertow.server.HttpServerExchange;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Deque;
import java.util.Set;

/** Parses the query string of a request. Unknown parameters and wrong values are refused with a sentence. */
final class Parameters {
    private static final int USUAL_LIMIT = 50;

    private final HttpServerExchange exchange;

    Parameters(HttpServerExchange exchange, Set<String> known) throws AdminException {
        this.exchange = exchange;
        for (String name : exchange.getQueryParameters().keySet()) {
            if (!known.contains(name)) {
                throw AdminException.badRequest("There is no parameter " + name + "; it must be one of "
                        + String.join(", ", known.stream().sorted().toList()) + ".");
            }
        }
    }

    /** A value, or null if there is none or it is empty. */
    String get(String name) {
        Deque<String> values = exchange.getQueryParameters().get(name);
        return values == null || values.getFirst().isEmpty() ? null : values.getFirst();
    }

    Filter filter() throws AdminException {
        String cached = get("cached");
        if (cached != null && !cached.equals("true") && !cached.equals("false")) {
            throw AdminException.badRequest("cached must be true or false.");
        }
        return new Filter(
                cached == null ? null : Boolean.valueOf(cached),
                get("model"),
                endpoint(get("endpoint")),
                get("scope"),
                since());
    }

    static Endpoint endpoint(String id) throws AdminException {
        if (id == null) {
            return null;
        }
        return Arrays.stream(Endpoint.values())
                .filter(endpoint -> endpoint.id().equals(id))
                .findFirst()
                .orElseThrow(
                        () -> AdminException.badRequest("endpoint must be chat, responses, messages or embeddings."));
    }

    private long since() throws AdminException {
        String since = get("since");
        try {
            return since == null ? 0 : Instant.parse(since).toEpochMilli();
        } catch (DateTimeException | ArithmeticException e) {
            throw AdminException.badRequest("since must be a time such as 2026-11-23T05:00:00Z.");
        }
    }

    int limit() throws AdminException {
        String limit = get("limit");
        try {
            int count = limit == null ? USUAL_LIMIT : Integer.parseInt(limit);
            if (count >= 1 && count <= ActivityLog.MAX_LIMIT) {
                return count;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw AdminException.badRequest("limit must be a number from 1 to " + ActivityLog.MAX_LIMIT + ".");
    }

    TimeSeries.Range range() throws AdminException {
        String range = get("range");
        return switch (range == null ? "hour" : range) {
            case "hour" -> TimeSeries.Range.HOUR;
            case "day" -> TimeSeries.Range.DAY;
            case "week" -> TimeSeries.Range.WEEK;
            default -> throw AdminException.badRequest("range must be hour, day or week.");
        };
    }
}
