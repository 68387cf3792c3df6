/**
 * Turns a provider's answer, while it streams through, into the template that is stored, and a template into a hit
 * (wire rules W16, W25).
 *
 * <p>Priorities, in this order: an incomplete or failed answer never becomes a template; every byte that W25 does not
 * name stays unchanged; a hit parses and allocates nothing. Capturing is on the path of misses and may take
 * microseconds per event. {@link dev.refrain.engine.internal.template.Template#patch} is on the critical path, that of
 * hits. A capture is used by one thread at a time; templates are immutable.
 */
package dev.refrain.engine.internal.template;
