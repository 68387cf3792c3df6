/**
 * The built-in provider, which answers when no upstream is configured, so that Refrain can be tried without an account.
 * It has the vendors' four formats and a model's pace, but no model.
 *
 * <p>Priorities: the vendors' own SDKs must understand its answers, and a reader must recognise the vendors'
 * documentation in them. Everything runs on its server's I/O thread and waits by timers only.
 */
package dev.refrain.http.demo;
