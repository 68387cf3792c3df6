package dev.refrain.http.server;

import dev.refrain.console.log.AccessLog;
import dev.refrain.console.log.AccessRecord;
import dev.refrain.console.log.Origin;
import io.undertow.server.HttpServerExchange;

/** What the access log is told of a request. Stateless. */
public final class AccessEntries {
    private AccessEntries() {}

    /**
     * Where a request comes from.
     *
     * @param path as sent, without the query string
     */
    public static Origin origin(HttpServerExchange exchange, String path) {
        return new Origin(
                exchange.getSourceAddress().getAddress().getHostAddress(),
                exchange.getRequestMethod().toString(),
                path,
                exchange.getProtocol().toString());
    }

    /**
     * Tells the log of a request that is no endpoint's, once it is answered.
     *
     * @param requestId that its client gave it, or null
     */
    public static void whenOver(HttpServerExchange exchange, Origin origin, String requestId, AccessLog log) {
        long start = System.nanoTime();
        exchange.addExchangeCompleteListener((over, next) -> {
            log.add(new AccessRecord(
                    origin,
                    System.currentTimeMillis(),
                    System.nanoTime() - start,
                    over.getStatusCode(),
                    over.getResponseBytesSent(),
                    null,
                    null,
                    null,
                    null,
                    null,
                    requestId));
            next.proceed();
        });
    }
}
