package dev.refrain.console.admin;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.Filter;
import dev.refrain.console.activity.Outcome;
import dev.refrain.console.activity.TimeSeries;
import dev.refrain.engine.exchange.Endpoint;
import io.undertow.server.HttpServerExchange;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Parses the query string of a request. Unknown parameters and wrong values are refused with a sentence. */
final class Parameters {
    /** Names of the parameters that {@link #filter} reads. */
    static final Set<String> FILTER = Set.of(
            "cached",
            "cache",
            "model",
            "endpoint",
            "scope",
            "policy",
            "namespace",
            "request_id",
            "status",
            "errors",
            "since",
            "until");

    private static final int USUAL_LIMIT = 50;
    private static final Pattern STATUS = Pattern.compile("[1-5]([0-9]{2}|xx)");

    /** The names of a set, and further ones. */
    static Set<String> with(Set<String> names, String... more) {
        Set<String> all = new HashSet<>(names);
        all.addAll(List.of(more));
        return Set.copyOf(all);
    }

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

    /** The value of a parameter; null if the value is missing or empty. */
    String get(String name) {
        Deque<String> values = exchange.getQueryParameters().get(name);
        return values == null || values.getFirst().isEmpty() ? null : values.getFirst();
    }

    Filter filter() throws AdminException {
        String status = get("status");
        if (status != null && !STATUS.matcher(status).matches()) {
            throw AdminException.badRequest("status must be a status such as 404, or a class of them such as 4xx.");
        }
        return new Filter(
                flag("cached"),
                outcomes(),
                get("model"),
                endpoint(get("endpoint")),
                get("scope"),
                get("policy"),
                get("namespace"),
                get("request_id"),
                flag("errors"),
                status == null ? 0 : Integer.parseInt(status.replace('x', '0')),
                status == null ? Integer.MAX_VALUE : Integer.parseInt(status.replace('x', '9')),
                time("since", 0),
                time("until", Long.MAX_VALUE));
    }

    /** The value of a parameter that is true or false; null if there is none. */
    Boolean flag(String name) throws AdminException {
        String value = get(name);
        if (value != null && !value.equals("true") && !value.equals("false")) {
            throw AdminException.badRequest(name + " must be true or false.");
        }
        return value == null ? null : Boolean.valueOf(value);
    }

    private Set<Outcome> outcomes() throws AdminException {
        String cache = get("cache");
        Set<Outcome> chosen = new HashSet<>();
        for (String label : cache == null ? new String[0] : cache.split(",", -1)) {
            chosen.add(choice("cache", label, Outcome.ALL, Outcome::label));
        }
        return chosen;
    }

    /**
     * The value with a given label.
     *
     * @param value the label; null for the first value
     */
    static <T> T choice(String name, String value, List<T> all, Function<T, String> label) throws AdminException {
        return value == null
                ? all.get(0)
                : all.stream()
                        .filter(each -> label.apply(each).equals(value))
                        .findFirst()
                        .orElseThrow(() -> AdminException.badRequest(name + " must be one of "
                                + all.stream().map(label).collect(Collectors.joining(", ")) + "."));
    }

    /** The value of an enumeration that a parameter names; the first value if there is no such parameter. */
    <T> T choice(String name, T[] all, Function<T, String> label) throws AdminException {
        return choice(name, get(name), List.of(all), label);
    }

    boolean ascending() throws AdminException {
        return choice("order", get("order"), List.of("desc", "asc"), Function.identity())
                .equals("asc");
    }

    /** The offset of a page in a list, from the parameter {@code cursor}; 0 if there is none. */
    int offset() throws AdminException {
        String cursor = get("cursor");
        if (cursor != null && !cursor.matches("[0-9]{1,9}")) {
            throw AdminException.badRequest("cursor must be the value of next in an earlier page.");
        }
        return cursor == null ? 0 : Integer.parseInt(cursor);
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

    /**
     * A time in milliseconds since the epoch.
     *
     * @param none the value if there is no such parameter
     */
    long time(String name, long none) throws AdminException {
        String time = get(name);
        try {
            return time == null ? none : Instant.parse(time).toEpochMilli();
        } catch (DateTimeException | ArithmeticException e) {
            throw AdminException.badRequest(name + " must be a time such as 2026-11-23T05:00:00Z.");
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
            // refused below
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
