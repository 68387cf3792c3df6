/**
 * The cache's decision about a request. Front-ends act on it and explanations report it, so the two cannot disagree.
 * Pure, except for the memo of known requests; usable by any thread.
 */
package dev.refrain.semantics.decision;
