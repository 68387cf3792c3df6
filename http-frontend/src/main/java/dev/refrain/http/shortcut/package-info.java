/**
 * A fast path for hits: a request that begins with the head of an earlier request of its connection is looked up and
 * answered before Undertow reads it. All other requests go on to Undertow unchanged.
 */
package dev.refrain.http.shortcut;
