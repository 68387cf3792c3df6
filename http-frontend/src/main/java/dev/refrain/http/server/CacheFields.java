package dev.refrain.http.server;

import dev.refrain.semantics.answer.CacheField;
import dev.refrain.semantics.answer.ResponseFields;
import io.undertow.util.HeaderMap;

/** Writes the cache's fields into the header of an Undertow response. */
record CacheFields(HeaderMap headers) implements ResponseFields {
    @Override
    public void put(CacheField field, String value) {
        headers.put(HeaderNames.of(field), value);
    }

    @Override
    public void add(CacheField field, String value) {
        headers.add(HeaderNames.of(field), value);
    }
}
