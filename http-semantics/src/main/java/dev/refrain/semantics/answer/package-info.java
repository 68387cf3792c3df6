/**
 * What Refrain adds to responses: the cache's fields, errors in the shapes that clients know, and the generation id.
 */
package dev.refrain.semantics.answer;
