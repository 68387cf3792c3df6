/**
 * Who sends a request (wire rule W15): made once for each request, in
 * {@link dev.refrain.semantics.caller.Callers}, and handed to all that want to know: the key,
 * the log, the records of generations, and explanations. No credential outlives its request.
 */
package dev.refrain.semantics.caller;
