/**
 * Presets known locally (wire rules W50 to W52): finds the preset that a request names, and applies it to the request.
 *
 * <p>Priorities: what a client wrote reaches the provider unchanged, byte for byte, and a request without a preset
 * costs next to nothing more. Everything here is immutable and used by all I/O threads.
 */
package dev.refrain.semantics.preset;
