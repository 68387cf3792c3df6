/**
 * Finds the target of a path: one of the four endpoints, a provider to which it is forwarded untouched, or none. Pure
 * functions of what a client sent.
 */
package dev.refrain.semantics.route;
