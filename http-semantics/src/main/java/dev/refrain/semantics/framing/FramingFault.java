package dev.refrain.semantics.framing;

/**
 * Why a request is refused. Immutable.
 *
 * @param status for the answer
 * @param message a sentence for whoever sent it, without anything from the request
 */
public record FramingFault(int status, String message) {}
