/**
 * Archives: stored answers in a folder, as {@link dev.refrain.engine.CacheAdmin#exportTo} writes and
 * {@link dev.refrain.engine.CacheAdmin#importFrom} reads them. Stable API. Nothing is null, unless it says so. It does
 * not depend on the root package.
 */
package dev.refrain.engine.archive;
