/** The pace of replayed streams (wire rule W87). */
package dev.refrain.semantics.replay;
