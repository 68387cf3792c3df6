/** The pace of streams that are replayed (wire rule W87). */
package dev.refrain.semantics.replay;
