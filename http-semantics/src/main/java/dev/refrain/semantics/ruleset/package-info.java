/**
 * The settings that an operator may change while a front-end runs, as one snapshot.
 *
 * <p>Priorities: a request sees one snapshot from its beginning to its end. Everything is immutable; nothing is null.
 */
package dev.refrain.semantics.ruleset;
