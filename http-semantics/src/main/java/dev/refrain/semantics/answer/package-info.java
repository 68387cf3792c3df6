/**
 * What a client is told: the cache's part in the header, errors made here in
 * the shapes that clients know, and the answer's generation id.
 */
package dev.refrain.semantics.answer;
