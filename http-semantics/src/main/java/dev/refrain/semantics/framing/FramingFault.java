package dev.refrain.semantics.framing;

/**
 * Why a request is refused. Immutable.
 *
 * @param status of the error answer
 * @param message a sentence for the client, which quotes nothing of the request
 */
public record FramingFault(int status, String message) {}
