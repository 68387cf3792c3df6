/**
 * Content codings of request bodies (RFC 9110, 8.4): the key is made of the decoded body, and the provider gets the
 * body as it was sent. Decoding is bounded and strict. Usable by any thread; nothing here blocks or does I/O.
 */
package dev.refrain.semantics.coding;
