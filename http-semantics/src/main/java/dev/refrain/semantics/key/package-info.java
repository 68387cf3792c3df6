/** The part of a request's key that does not come from its body. */
package dev.refrain.semantics.key;
