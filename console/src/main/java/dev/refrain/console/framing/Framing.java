package dev.refrain.console.framing;

import dev.refrain.semantics.framing.ConnectionOptions;
import dev.refrain.semantics.framing.FramingFault;
import dev.refrain.semantics.framing.FramingRules;
import io.undertow.conduits.ReadDataStreamSourceConduit;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.Protocols;

/**
 * Refuses requests whose end is in doubt (RFC 9112, 6). It must be the first handler. Undertow has already refused
 * malformed requests, several values of {@code Content-Length}, and a length beside a transfer coding. Chunked bodies
 * are checked as they are read ({@link ChunkedBody}).
 */
public final class Framing implements HttpHandler {
    /** Answers refused requests. */
    public interface Refusal {
        /** Answers the request. The connection is closed after the answer. */
        void refuse(HttpServerExchange exchange, FramingFault why);
    }

    private final HttpHandler next;
    private final Refusal refusal;

    /**
     * A handler.
     *
     * @param next gets all other requests
     * @param refusal gets refused requests, on the connection's I/O thread
     */
    public Framing(HttpHandler next, Refusal refusal) {
        this.next = next;
        this.refusal = refusal;
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) throws Exception {
        HeaderMap headers = exchange.getRequestHeaders();
        String protocol = exchange.getProtocol().toString();
        FramingFault fault = FramingRules.fault(
                protocol, exchange.getRequestURI(), exchange.getQueryString(), new HeaderFields(headers));
        if (fault != null) {
            if (!FramingRules.isVersion(protocol)) {
                // Undertow would echo the invalid version in its status line.
                exchange.setProtocol(Protocols.HTTP_1_1);
            }
            // The beginning of the next request is unknown, also after a refused expectation: the client may or may not
            // send the body.
            exchange.setPersistent(false);
            refusal.refuse(exchange, fault);
            return;
        }
        HeaderValues options = headers.get(Headers.CONNECTION);
        // Undertow itself recognises {@code close} only as the single option.
        if (options != null && ConnectionOptions.of(options).contains("close")) {
            exchange.setPersistent(false);
        }
        if (headers.contains(Headers.TRANSFER_ENCODING)) {
            HttpServerConnection connection = (HttpServerConnection) exchange.getConnection();
            // Replaces Undertow's decoder, through which nothing has been read yet.
            exchange.addRequestWrapper((undertows, of) -> new ChunkedBody(
                    new ReadDataStreamSourceConduit(connection.getOriginalSourceConduit(), connection), of));
        }
        next.handleRequest(exchange);
    }
}
