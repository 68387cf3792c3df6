package dev.refrain.semantics.answer;

/** A response's header, to which {@link CacheHeaders} writes. Used by one thread at a time. */
public interface ResponseFields {
    /** Sets a field that has no line yet. */
    void put(CacheField field, String value);

    /** Adds a line to a field. */
    void add(CacheField field, String value);
}
