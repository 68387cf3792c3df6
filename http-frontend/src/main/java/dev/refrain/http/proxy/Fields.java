package dev.refrain.http.proxy;

import io.undertow.util.HeaderMap;
import io.undertow.util.HttpString;

/** A response's header, as far as it is written to. */
interface Fields {
    /** Sets a field that nobody else has set. */
    void put(HttpString name, String value);

    /** Adds a line to a field. */
    void add(HttpString name, String value);

    default void put(HttpString name, long value) {
        put(name, Long.toString(value));
    }

    static Fields of(HeaderMap headers) {
        return new Fields() {
            @Override
            public void put(HttpString name, String value) {
                headers.put(name, value);
            }

            @Override
            public void add(HttpString name, String value) {
                headers.add(name, value);
            }
        };
    }
}
