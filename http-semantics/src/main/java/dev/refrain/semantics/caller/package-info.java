/**
 * Who sends a request (wire rule W15). {@link dev.refrain.semantics.caller.Callers} determines it once per request, for
 * the key, the log, the records of generations, and explanations. No credential outlives its request.
 */
package dev.refrain.semantics.caller;
