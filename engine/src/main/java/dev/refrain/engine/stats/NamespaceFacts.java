package dev.refrain.engine.stats;

/**
 * A namespace and how much of it is stored (wire rule W82). Immutable and thread-safe.
 *
 * @param name never null
 * @param entries answers that are stored, with those that have expired and that no sweep has met
 */
public record NamespaceFacts(String name, long entries) {}
