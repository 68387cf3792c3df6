/**
 * Content codings of request bodies (RFC 9110, 8.4): the key is made of what is inside, and a provider gets what came.
 * Decoding is bounded and strict. Any thread; nothing here blocks or does I/O.
 */
package dev.refrain.semantics.coding;
