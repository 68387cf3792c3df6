/**
 * A fast path for hits: a request that begins with the head of an earlier request of its connection is looked up and
 * answered before Undertow reads it. What cannot be answered here goes on to Undertow unchanged.
 */
package dev.refrain.http.shortcut;
