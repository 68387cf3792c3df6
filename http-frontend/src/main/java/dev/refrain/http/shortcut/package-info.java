/**
 * Hits past the HTTP server: a request that begins with the head of an earlier one of its connection is looked up, and
 * answered, before Undertow has read it. What cannot be answered here goes the long way as if nothing had been here.
 */
package dev.refrain.http.shortcut;
