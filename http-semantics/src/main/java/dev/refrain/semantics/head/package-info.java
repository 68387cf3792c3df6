/**
 * Heads of requests as bytes, before any server has parsed them: recognises heads that came before, byte for byte, and
 * reserves memory for all heads. Every hit that is answered without the server passes through here. Each object belongs
 * to one thread.
 */
package dev.refrain.semantics.head;
