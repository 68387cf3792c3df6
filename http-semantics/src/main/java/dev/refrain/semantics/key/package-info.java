/** What goes into a request's key beside its body. */
package dev.refrain.semantics.key;
