package dev.refrain.http.framing;

import io.undertow.conduits.ReadDataStreamSourceConduit;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.Protocols;
import io.undertow.util.StatusCodes;
import java.util.regex.Pattern;

/**
 * Refuses requests whose end is not beyond doubt (RFC 9112, 6), before anything else is done with them; so it is to be the first handler.
 * Undertow has refused by then what is malformed in any way, several lengths, and a length beside a transfer coding. Bodies in chunks
 * are judged as they are read ({@link ChunkedBody}).
 */
public final class Framing implements HttpHandler {
    /** A length of more digits is no long, for which Undertow does not look. */
    private static final int MAX_LENGTH_DIGITS = 18;

    /** RFC 9112, 2.3. */
    private static final Pattern VERSION = Pattern.compile("HTTP/1\\.[0-9]");

    private static final String ONLY_CHUNKED = "The only transfer coding that is understood is chunked.";

    /**
     * Why a request is refused.
     *
     * @param status for the answer
     * @param message a sentence for whoever sent it, without anything from the request
     */
    public record Fault(int status, String message) {}

    /** What to do with a request that is refused. */
    public interface Refusal {
        /** Answers it. The connection will be closed behind the answer. */
        void refuse(HttpServerExchange exchange, Fault why);
    }

    private final HttpHandler next;
    private final Refusal refusal;

    /**
     * A handler.
     *
     * @param next gets what is not refused
     * @param refusal gets what is, on the connection's I/O thread
     */
    public Framing(HttpHandler next, Refusal refusal) {
        this.next = next;
        this.refusal = refusal;
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) throws Exception {
        Fault fault = fault(exchange);
        if (fault != null) {
            // Nobody knows where the next request would begin. After an expectation that is not met, the client may
            // send the
            // body or not.
            exchange.setPersistent(false);
            refusal.refuse(exchange, fault);
            return;
        }
        HeaderMap headers = exchange.getRequestHeaders();
        HeaderValues options = headers.get(Headers.CONNECTION);
        // Undertow takes note of a single option only.
        if (options != null && ConnectionOptions.of(options).contains("close")) {
            exchange.setPersistent(false);
        }
        if (headers.contains(Headers.TRANSFER_ENCODING)) {
            HttpServerConnection connection = (HttpServerConnection) exchange.getConnection();
            // In place of Undertow's decoder, which nothing has been read through yet.
            exchange.addRequestWrapper((undertows, of) -> new ChunkedBody(
                    new ReadDataStreamSourceConduit(connection.getOriginalSourceConduit(), connection), of));
        }
        next.handleRequest(exchange);
    }

    private static boolean hasControls(String target) {
        for (int i = 0; i < target.length(); i++) {
            char c = target.charAt(i);
            if (c <= ' ' || c == 0x7F) {
                return true;
            }
        }
        return false;
    }

    private static Fault fault(HttpServerExchange exchange) {
        HeaderMap headers = exchange.getRequestHeaders();
        HeaderValues codings = headers.get(Headers.TRANSFER_ENCODING);
        String length = headers.getFirst(Headers.CONTENT_LENGTH);
        String expectation = headers.getFirst(Headers.EXPECT);
        boolean isCurrent = exchange.getProtocol().equals(Protocols.HTTP_1_1);
        if (!VERSION.matcher(exchange.getProtocol().toString()).matches()) {
            // Undertow would answer in the same words, whatever they are.
            exchange.setProtocol(Protocols.HTTP_1_1);
            return new Fault(StatusCodes.BAD_REQUEST, "The version of HTTP is not one of HTTP/1.");
        }
        if (hasControls(exchange.getRequestURI()) || hasControls(exchange.getQueryString())) {
            // To another reader the line ends there.
            return new Fault(StatusCodes.BAD_REQUEST, "The request target holds a control character.");
        }
        if (codings != null) {
            if (!isCurrent) {
                return new Fault(StatusCodes.BAD_REQUEST, "There are no transfer codings in HTTP/1.0.");
            }
            if (codings.size() != 1 || !codings.getFirst().equalsIgnoreCase("chunked")) {
                return new Fault(StatusCodes.NOT_IMPLEMENTED, ONLY_CHUNKED);
            }
        } else if (length != null && length.length() > MAX_LENGTH_DIGITS) {
            return new Fault(StatusCodes.BAD_REQUEST, "The Content-Length is out of range.");
        }
        if (expectation != null && isCurrent && !expectation.equalsIgnoreCase("100-continue")) {
            return new Fault(StatusCodes.EXPECTATION_FAILED, "The only expectation that can be met is 100-continue.");
        }
        return null;
    }
}
