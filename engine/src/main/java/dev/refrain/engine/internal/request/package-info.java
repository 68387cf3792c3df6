/**
 * Reads from a request what the engine needs: its eligibility, a few fields, and the bytes that identify it.
 *
 * <p>Priorities, in this order: two requests that differ are never taken for equal; one pass, next to no allocation.
 * This is the critical path of every hit. Nothing here is shared between threads except cached names. The content is
 * prompts, so it is never logged.
 */
package dev.refrain.engine.internal.request;
