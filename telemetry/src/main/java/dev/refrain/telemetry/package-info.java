/**
 * Traces: a span for each request that the proxy serves, and below it one for each call to a provider, by
 * OpenTelemetry's API. {@link dev.refrain.telemetry.Traces} checks once, at the start, whether anything records them;
 * if not, no spans are made at all. No span contains a prompt, an answer, a credential or a query string. Nothing is
 * null, unless its comment says so.
 */
package dev.refrain.telemetry;
