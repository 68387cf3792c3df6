/**
 * Presets known locally (wire rules W50 to W52): which one a request names, and
 * what the request is once the preset is applied.
 *
 * <p>Priorities: what the client wrote reaches the provider as it wrote it, byte for byte, and a request without a
 * preset pays next to nothing. Everything here is immutable and used by all I/O threads.
 */
package dev.refrain.semantics.preset;
