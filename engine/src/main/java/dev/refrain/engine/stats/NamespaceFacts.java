package dev.refrain.engine.stats;

/**
 * A namespace and the number of its stored answers (wire rule W82). Immutable and thread-safe.
 *
 * @param name never null
 * @param entries stored answers, including expired ones that no sweep has removed yet
 */
public record NamespaceFacts(String name, long entries) {}
