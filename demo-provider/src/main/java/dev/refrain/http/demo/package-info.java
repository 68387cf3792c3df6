/**
 * The built-in provider that answers when no upstream is configured, so that Refrain can be tried without an account:
 * the four formats in their vendors' shapes, at a model's pace, without a model.
 *
 * <p>Priorities: the vendors' own SDKs must read it, and a reader must recognise the vendors' documentation in it. All
 * of it runs on its server's I/O threads and waits by timers only.
 */
package dev.refrain.http.demo;
