package dev.refrain.console.admin;

import dev.refrain.engine.memory.BoundedMap;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.Cookie;
import io.undertow.server.handlers.CookieImpl;
import io.undertow.util.Headers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;

/**
 * Knows which clients have shown the token. A program sends the token with each request. A browser exchanges it for a
 * cookie that no script can read and that no request of another site carries. The cookie is a random number, so that
 * browsers do not store the token. Thread-safe.
 */
final class Sessions {
    static final String COOKIE = "refrain-admin";
    private static final Duration LIFETIME = Duration.ofHours(12);
    /**
     * Limit of sessions: more than an installation's operators have browsers. Beyond the limit the map drops a session.
     */
    private static final int MOST = 64;

    private static final long MAX_BYTES = 512;

    private static final String BEARER = "Bearer ";

    private final byte[] token;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    /** Digests of cookies, 44 characters each, and when they expire. */
    private final BoundedMap<String, Long> expiries =
            new BoundedMap<>(MOST * MAX_BYTES, MOST, (digest, expiry) -> 2L * digest.length());

    /** @param token null if requests need none */
    Sessions(String token, Clock clock) {
        this.token = token == null ? null : digest(token);
        this.clock = clock;
    }

    boolean isTokenSet() {
        return token != null;
    }

    /** Whether a request brings the token, or the cookie of a session. */
    boolean isKnown(HttpServerExchange exchange) {
        String authorization = exchange.getRequestHeaders().getFirst(Headers.AUTHORIZATION);
        if (authorization != null) {
            return authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())
                    && isToken(authorization.substring(BEARER.length()).trim());
        }
        Cookie cookie = exchange.getRequestCookie(COOKIE);
        return cookie != null && isAlive(cookie.getValue());
    }

    /** Whether a text is the token. Takes constant time: digests of equal length are compared, whatever was sent. */
    boolean isToken(String text) {
        return token != null && MessageDigest.isEqual(token, digest(text));
    }

    private boolean isAlive(String cookie) {
        // The lookup is by digest, so that its time reveals nothing about other cookies.
        String digest = Base64.getEncoder().encodeToString(digest(cookie));
        Long expiry = expiries.peek(digest);
        return expiry != null && clock.millis() < expiry;
    }

    /** Begins a session, and sets its cookie. */
    void begin(HttpServerExchange exchange) {
        byte[] bytes = new byte[32];
        random.nextBytes(bytes);
        String value = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
        expiries.put(Base64.getEncoder().encodeToString(digest(value)), clock.millis() + LIFETIME.toMillis());
        exchange.setResponseCookie(cookie(value).setMaxAge((int) LIFETIME.toSeconds()));
    }

    /** Ends the session of the request's cookie, and deletes the cookie. */
    void end(HttpServerExchange exchange) {
        Cookie cookie = exchange.getRequestCookie(COOKIE);
        if (cookie != null) {
            expiries.remove(Base64.getEncoder().encodeToString(digest(cookie.getValue())));
        }
        exchange.setResponseCookie(cookie("").setMaxAge(0));
    }

    private static Cookie cookie(String value) {
        // Without the attribute Secure: the listener speaks plain HTTP, over which browsers drop secure cookies.
        return new CookieImpl(COOKIE, value)
                .setPath("/admin")
                .setHttpOnly(true)
                .setSameSite(true)
                .setSameSiteMode("Strict");
    }

    private static byte[] digest(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
