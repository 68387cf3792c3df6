/**
 * Traces: a span for each request that the proxy serves, and below it one for each call to a provider, by
 * OpenTelemetry's API. {@link dev.refrain.telemetry.Traces} asks once, at the start, whether somebody records them;
 * where nobody does, no request is followed at all. No span has a prompt, an answer, a credential or a query string.
 * Nothing is null unless it says so.
 */
package dev.refrain.telemetry;
