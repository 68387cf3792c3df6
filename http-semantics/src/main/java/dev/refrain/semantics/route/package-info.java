/**
 * Which path leads where: to one of the four endpoints, to a provider
 * untouched, or nowhere. Pure functions of what a client sent.
 */
package dev.refrain.semantics.route;
