/**
 * The process's log, as text or JSON, and the access log.
 *
 * <p>Priorities: a request waits for no log. Lines that cannot be written in time are dropped and counted. Nothing is
 * null unless a type says otherwise. No line contains a credential, a query string or content.
 */
package dev.refrain.console.log;
