/**
 * For programs that embed the engine and have a Micrometer registry: {@link dev.refrain.engine.metrics.CacheMetrics}
 * binds a cache's figures to it. The only package that uses Micrometer, which is an optional dependency. Nothing here
 * runs on a request's path. Thread-safe. Stable API. No parameter is null.
 */
package dev.refrain.engine.metrics;
