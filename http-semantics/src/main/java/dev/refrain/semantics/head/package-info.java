/**
 * Heads of requests as bytes, before any server has parsed them: which ones came before, byte for byte, and what all of
 * them take of the memory budget. On the path of every hit that goes past the server; each object is one thread's own.
 */
package dev.refrain.semantics.head;
