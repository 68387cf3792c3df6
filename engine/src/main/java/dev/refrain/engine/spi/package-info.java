/**
 * The API for stores. The engine encodes, checks and expires entries. A store keeps bytes by key, reclaims room and
 * survives crashes. Stable API. No parameter and no result is null, unless its comment says so.
 */
package dev.refrain.engine.spi;
