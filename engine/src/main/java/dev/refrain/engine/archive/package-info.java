/**
 * Archives: folders of stored answers, as {@link dev.refrain.engine.CacheAdmin#exportTo} writes and
 * {@link dev.refrain.engine.CacheAdmin#importFrom} reads them. Stable API. Nothing is null, unless its comment says so.
 * The package does not depend on the root package.
 */
package dev.refrain.engine.archive;
