package dev.refrain.console.admin;

import io.undertow.server.HttpServerExchange;
import io.undertow.util.ETag;
import io.undertow.util.ETagUtils;
import io.undertow.util.Headers;
import io.undertow.util.StatusCodes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * The dashboard's files, which are resources of the program. A name is looked up only if it has the form of such a
 * file's name, so no path can lead elsewhere.
 */
final class Assets {
    private static final String OWN = "/dev/refrain/console/admin/ui/";
    private static final String LIBRARIES = "/META-INF/resources/";

    private static final Pattern OWN_NAME = Pattern.compile("([a-z0-9-]+/)?[a-z0-9-]+\\.[a-z0-9]+");
    private static final Pattern LIBRARY_NAME =
            Pattern.compile("webjars/uplot/[0-9]+\\.[0-9]+\\.[0-9]+/dist/[A-Za-z]+(\\.[A-Za-z]+)+");

    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "svg", "image/svg+xml",
            "png", "image/png",
            "ico", "image/x-icon",
            "json", "application/json",
            "webmanifest", "application/manifest+json",
            "woff2", "font/woff2");

    /** A file in memory. Each response sends a read-only view of the bytes. */
    private record Asset(ByteBuffer bytes, String type, ETag tag, String caching) {}

    private final Map<String, Asset> assets = new ConcurrentHashMap<>();

    void answer(HttpServerExchange exchange, String name) throws AdminException, IOException {
        Asset asset = find(name.isEmpty() ? "index.html" : name);
        exchange.getResponseHeaders().put(Headers.CACHE_CONTROL, asset.caching());
        exchange.getResponseHeaders().put(Headers.ETAG, asset.tag().toString());
        if (!ETagUtils.handleIfNoneMatch(exchange, asset.tag(), true)) {
            exchange.setStatusCode(StatusCodes.NOT_MODIFIED);
        } else {
            Replies.bytes(exchange, asset.type(), asset.bytes().duplicate());
        }
    }

    private Asset find(String name) throws AdminException, IOException {
        Asset known = assets.get(name);
        if (known != null) {
            return known;
        }
        boolean isLibrary = LIBRARY_NAME.matcher(name).matches();
        String type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
        if (type == null || !(isLibrary || OWN_NAME.matcher(name).matches())) {
            throw nothing();
        }
        try (InputStream in = Assets.class.getResourceAsStream((isLibrary ? LIBRARIES : OWN) + name)) {
            if (in == null) {
                throw nothing();
            }
            byte[] bytes = in.readAllBytes();
            // A library's path contains its version, so it can be cached for good.
            String caching = isLibrary ? "public, max-age=31536000, immutable" : "no-cache";
            Asset asset =
                    new Asset(ByteBuffer.wrap(bytes).asReadOnlyBuffer(), type, new ETag(false, digest(bytes)), caching);
            assets.put(name, asset);
            return asset;
        }
    }

    private static AdminException nothing() {
        return AdminException.notFound("The dashboard has no such file.");
    }

    private static String digest(byte[] bytes) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes))
                    .substring(0, 32);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
