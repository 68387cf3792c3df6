/**
 * For programs that have a Micrometer registry: {@link dev.refrain.console.metrics.RequestMetrics} binds the figures of
 * a log of requests to that registry, under the names that the admin listener shows. Nothing in this package runs on
 * the path of a request.
 */
package dev.refrain.console.metrics;
