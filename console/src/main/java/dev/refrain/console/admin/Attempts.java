package dev.refrain.console.admin;

import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.StatusCodes;
import java.net.InetAddress;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;

/**
 * Limits wrong tokens to a few per second from each address. After that every request with a token from this address is
 * refused until the second is over. A cookie is no attempt. Thread-safe.
 */
final class Attempts {
    static final int MOST_A_SECOND = 10;
    /** Addresses beyond that share one count. */
    private static final int MOST_ADDRESSES = 4096;

    private final Clock clock;
    // Guarded by this.
    private final Map<InetAddress, Integer> failures = new HashMap<>();
    private long second;

    Attempts(Clock clock) {
        this.clock = clock;
    }

    /** Throws if too many have failed. */
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

    /** Null stands for all addresses beyond the limit. */
    private InetAddress address(HttpServerExchange exchange) {
        InetAddress address = exchange.getSourceAddress().getAddress();
        return failures.containsKey(address) || failures.size() < MOST_ADDRESSES ? address : null;
    }
}
