package dev.refrain.console.admin;

import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.StatusCodes;
import java.net.InetAddress;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;

/**
 * Limits wrong tokens to ten a second from each address. Beyond that, every request with a token from the address is
 * refused until the second is over. A wrong cookie does not count. Thread-safe.
 */
final class Attempts {
    static final int MOST_A_SECOND = 10;
    /** At most this many addresses have a count of their own; further addresses share one count. */
    private static final int MOST_ADDRESSES = 4096;

    private final Clock clock;
    // Guarded by this.
    private final Map<InetAddress, Integer> failures = new HashMap<>();
    private long second;

    Attempts(Clock clock) {
        this.clock = clock;
    }

    /** Throws if too many attempts from the request's address have failed in this second. */
    synchronized void check(HttpServerExchange exchange) throws AdminException {
        begin();
        if (failures.getOrDefault(address(exchange), 0) >= MOST_A_SECOND) {
            exchange.getResponseHeaders().put(Headers.RETRY_AFTER, 1);
            throw new AdminException(StatusCodes.TOO_MANY_REQUESTS, "Too many wrong tokens. Try again in a second.");
        }
    }

    synchronized void failed(HttpServerExchange exchange) {
        begin();
        failures.merge(address(exchange), 1, Integer::sum);
    }

    private void begin() {
        long now = clock.instant().getEpochSecond();
        if (now != second) {
            second = now;
            failures.clear();
        }
    }

    /** The address under which a request is counted; null stands for all addresses beyond the limit. */
    private InetAddress address(HttpServerExchange exchange) {
        InetAddress address = exchange.getSourceAddress().getAddress();
        return failures.containsKey(address) || failures.size() < MOST_ADDRESSES ? address : null;
    }
}
