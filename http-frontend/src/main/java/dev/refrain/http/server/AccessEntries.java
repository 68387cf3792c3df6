package dev.refrain.http.server;

import dev.refrain.console.log.AccessLog;
import dev.refrain.console.log.AccessRecord;
import dev.refrain.console.log.Origin;
import io.undertow.server.HttpServerExchange;

/** Makes entries of the access log from requests. Stateless. */
public final class AccessEntries {
    private AccessEntries() {}

    /**
     * Client address and request line of a request.
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
     * Logs a request to a path that is no endpoint, once it is answered.
     *
     * @param requestId the id that the client gave the request, or null
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
