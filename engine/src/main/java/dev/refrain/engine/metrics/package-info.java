/**
 * For programs that embed the engine and have a Micrometer registry: {@link dev.refrain.engine.metrics.CacheMetrics}
 * binds a cache's figures to it. The only package that knows Micrometer, which is an optional dependency; nothing here
 * runs on the path of a request. Thread-safe. Stable API. No parameter is null.
 */
package dev.refrain.engine.metrics;
