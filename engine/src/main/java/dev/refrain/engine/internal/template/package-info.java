/**
 * Turns a provider's answer, as it streams by, into the template that is
 * stored, and a template into a hit (wire rules W16, W25).
 *
 * <p>Priorities, in this order: nothing incomplete or failed ever becomes a template; every byte that W25 does not name
 * stays as it came; a hit parses and allocates nothing. Capturing is the miss path and may take microseconds per event;
 * {@link dev.refrain.engine.internal.template.Template#patch} is the critical path. A capture belongs to one thread at
 * a time; templates are immutable.
 */
package dev.refrain.engine.internal.template;
