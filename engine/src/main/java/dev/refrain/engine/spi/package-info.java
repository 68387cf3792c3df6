/**
 * The API for stores. The engine checks, encodes and expires entries; a store keeps bytes by key, reclaims room and
 * survives crashes. Stable API. No parameter and no result is null.
 */
package dev.refrain.engine.spi;
