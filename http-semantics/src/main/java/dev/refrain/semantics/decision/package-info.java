/**
 * What a request is to the cache: the one decision that a front-end acts on and that an explanation tells of, so that
 * the two cannot disagree. Pure but for the memo of known requests; any thread.
 */
package dev.refrain.semantics.decision;
