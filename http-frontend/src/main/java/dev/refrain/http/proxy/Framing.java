package dev.refrain.http.proxy;

import io.undertow.conduits.ReadDataStreamSourceConduit;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.Protocols;

/**
 * Refuses requests whose end is not beyond doubt (RFC 9112, 6), before anything else is done with them. Undertow has refused by then
 * what is malformed in any way, several lengths, and a length beside a transfer coding.
 */
final class Framing implements HttpHandler {
    /** A length of more digits is no long, for which Undertow does not look. */
    private static final int MAX_LENGTH_DIGITS = 18;

    /** What to do with a request that is refused. */
    interface Refusal {
        void refuse(HttpServerExchange exchange, ProxyException why);
    }

    private final HttpHandler next;
    private final Refusal refusal;

    Framing(HttpHandler next, Refusal refusal) {
        this.next = next;
        this.refusal = refusal;
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) throws Exception {
        HeaderMap headers = exchange.getRequestHeaders();
        String coding = headers.getFirst(Headers.TRANSFER_ENCODING);
        String length = headers.getFirst(Headers.CONTENT_LENGTH);
        String expectation = headers.getFirst(Headers.EXPECT);
        ProxyException fault = null;
        if (coding != null) {
            if (!exchange.getProtocol().equals(Protocols.HTTP_1_1)) {
                fault = ProxyException.badRequest("There are no transfer codings in HTTP/1.0.");
            } else if (!coding.equalsIgnoreCase("chunked")) {
                fault = ProxyException.unknownCoding();
            }
        } else if (length != null && length.length() > MAX_LENGTH_DIGITS) {
            fault = ProxyException.badRequest("The Content-Length is out of range.");
        }
        if (fault != null) {
            // Nobody knows where the next request would begin.
            exchange.setPersistent(false);
        } else if (expectation != null
                && !expectation.equalsIgnoreCase("100-continue")
                && exchange.getProtocol().equals(Protocols.HTTP_1_1)) {
            fault = ProxyException.unknownExpectation();
        }
        if (fault != null) {
            refusal.refuse(exchange, fault);
            return;
        }
        HeaderValues options = headers.get(Headers.CONNECTION);
        // Undertow takes note of a single option only.
        if (options != null && ForwardedHeaders.nominated(options).contains("close")) {
            exchange.setPersistent(false);
        }
        if (coding != null) {
            HttpServerConnection connection = (HttpServerConnection) exchange.getConnection();
            // In place of Undertow's decoder, which nothing has been read through yet.
            exchange.addRequestWrapper((undertows, of) -> new ChunkedBody(
                    new ReadDataStreamSourceConduit(connection.getOriginalSourceConduit(), connection), of));
        }
        next.handleRequest(exchange);
    }
}
