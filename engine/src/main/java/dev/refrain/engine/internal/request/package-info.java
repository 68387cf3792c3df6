/**
 * What the engine reads out of a request: eligibility, the few fields that matter, and the bytes that identify it.
 *
 * <p>Priorities, in this order: two requests that differ are never taken for equal;
 * one pass, next to no allocation. This is the critical path of every hit. Nothing
 * here is shared between threads, and nothing here is ever logged: it is prompts.
 */
package dev.refrain.engine.internal.request;
