package dev.refrain.http.proxy;

import dev.refrain.console.framing.HeaderFields;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.RequestFields;
import io.undertow.util.HeaderMap;
import java.util.Optional;

/** Steps that run at most once for each request. A test overrides them to count them. Thread-safe. */
class Steps {
    /** A request's header in the form that the rules read. */
    RequestFields fields(HeaderMap headers) {
        return new HeaderFields(headers);
    }

    /** The key of a request, or empty if it is not eligible. */
    Optional<CacheKey> key(ResponseCache cache, CacheRequest request) {
        return cache.key(request);
    }
}
