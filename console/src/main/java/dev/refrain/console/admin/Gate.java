package dev.refrain.console.admin;

import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import io.undertow.util.StatusCodes;
import java.util.Locale;

/**
 * Decides which requests are allowed.
 *
 * <p>With a token, every request below {@code /admin/api} and {@code /metrics} must bring the token, or the cookie of a
 * browser that has brought it. The other paths reveal nothing. Without a token the listener is bound to loopback, and
 * must keep out web pages in a browser on this machine:
 * <ul>
 *   <li>A page of another origin can send requests, but not read the answers. So every request that changes something
 *       must carry a header that such a page can send only after a CORS preflight, which is refused. The browser's own
 *       headers ({@code Sec-Fetch-Site}, {@code Origin}) must not name another origin.
 *   <li>A page whose host name is made to resolve to 127.0.0.1 (DNS rebinding) has the same origin for the browser, but
 *       its {@code Host} header has that name. Only names of loopback are accepted.
 * </ul>
 */
final class Gate implements HttpHandler {
    static final HttpString OURS = new HttpString("X-Refrain-Admin");
    private static final HttpString FETCH_SITE = new HttpString("Sec-Fetch-Site");

    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                    + "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private final Sessions sessions;
    private final Attempts attempts;
    private final String ownHost;
    private final String tokenSetting;
    private final int bodySeconds;
    private final HttpHandler next;

    /**
     * A gate before all other handlers.
     *
     * @param options whose host, the bound address, is allowed in {@code Host}, too
     * @param bodySeconds the most time that a client may take to send a whole body
     */
    Gate(Sessions sessions, Attempts attempts, AdminOptions options, int bodySeconds, HttpHandler next) {
        this.sessions = sessions;
        this.attempts = attempts;
        this.ownHost = options.host();
        this.tokenSetting = options.tokenSetting();
        this.bodySeconds = bodySeconds;
        this.next = next;
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) throws Exception {
        harden(exchange.getResponseHeaders());
        SmallBody.watch(exchange, bodySeconds);
        try {
            check(exchange);
        } catch (AdminException refused) {
            // The body is not read, so a connection on which part of the body is still to come is closed.
            exchange.setPersistent(exchange.isPersistent() && exchange.isRequestComplete());
            Replies.error(exchange, refused);
            return;
        }
        next.handleRequest(exchange);
    }

    private static void harden(HeaderMap headers) {
        headers.put(new HttpString("Content-Security-Policy"), POLICY);
        headers.put(new HttpString("X-Content-Type-Options"), "nosniff");
        headers.put(new HttpString("X-Frame-Options"), "DENY");
        headers.put(new HttpString("Referrer-Policy"), "no-referrer");
        headers.put(new HttpString("Cross-Origin-Resource-Policy"), "same-origin");
        headers.put(new HttpString("Cross-Origin-Opener-Policy"), "same-origin");
        headers.put(Headers.CACHE_CONTROL, "no-store");
    }

    private void check(HttpServerExchange exchange) throws AdminException {
        String path = exchange.getRequestPath();
        if (path.equals(Routes.LIVE) || path.equals(Routes.READY)) {
            // A prober knows neither token nor host name, and the answer reveals only yes or no.
            return;
        }
        HeaderMap headers = exchange.getRequestHeaders();
        if (!sessions.isTokenSet() && !isOurName(headers.getFirst(Headers.HOST))) {
            throw new AdminException(
                    StatusCodes.FORBIDDEN,
                    "The host name is not one of this listener's. Use http://127.0.0.1 or http://localhost, or set "
                            + tokenSetting + ".");
        }
        boolean isApi = path.startsWith(Routes.API);
        boolean changes = !exchange.getRequestMethod().equals(Methods.GET)
                && !exchange.getRequestMethod().equals(Methods.HEAD);
        if (isApi || changes) {
            checkOrigin(exchange, changes);
        }
        boolean isOpen = path.equals(Routes.LOGIN) || !(isApi || path.equals(Routes.METRICS));
        if (sessions.isTokenSet() && !isOpen) {
            checkToken(exchange);
        }
    }

    private void checkToken(HttpServerExchange exchange) throws AdminException {
        boolean isAttempt = exchange.getRequestHeaders().contains(Headers.AUTHORIZATION);
        if (isAttempt) {
            attempts.check(exchange);
        }
        if (!sessions.isKnown(exchange)) {
            if (isAttempt) {
                attempts.failed(exchange);
            }
            exchange.getResponseHeaders().put(Headers.WWW_AUTHENTICATE, "Bearer realm=\"refrain\"");
            throw new AdminException(
                    StatusCodes.UNAUTHORIZED, "Send Authorization: Bearer with the value of " + tokenSetting + ".");
        }
    }

    private static void checkOrigin(HttpServerExchange exchange, boolean changes) throws AdminException {
        HeaderMap headers = exchange.getRequestHeaders();
        String site = headers.getFirst(FETCH_SITE);
        String origin = headers.getFirst(Headers.ORIGIN);
        String host = headers.getFirst(Headers.HOST);
        boolean isForeign = site != null && !site.equals("same-origin") && !site.equals("none");
        if (origin != null) {
            // Behind a TLS proxy, a browser has another scheme than this listener, so only the authority is compared.
            String authority = origin.replaceFirst("^https?://", "");
            isForeign |= authority.equals(origin) || !authority.equalsIgnoreCase(host);
        }
        if (isForeign) {
            throw new AdminException(StatusCodes.FORBIDDEN, "Requests from pages of other sites are refused.");
        }
        if (changes && !"1".equals(headers.getFirst(OURS)) && !headers.contains(Headers.AUTHORIZATION)) {
            throw new AdminException(StatusCodes.FORBIDDEN, "Send the header X-Refrain-Admin: 1.");
        }
    }

    private boolean isOurName(String host) {
        if (host == null) {
            return false;
        }
        String name = host.replaceFirst(":[0-9]{1,5}$", "").toLowerCase(Locale.ROOT);
        return name.equals("localhost")
                || name.equals("[::1]")
                || name.matches("127(\\.[0-9]{1,3}){3}")
                || name.equals(ownHost.toLowerCase(Locale.ROOT));
    }
}
