/**
 * What a store implementation needs. The engine checks, encodes and expires entries; a store keeps bytes by key,
 * reclaims room and survives crashes. Stable API, like the root package.
 */
package dev.refrain.engine.spi;
