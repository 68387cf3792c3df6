/**
 * What a process says of itself and of requests: lines of the log as text or JSON, and the access log.
 *
 * <p>Priorities: a request waits for no log. Lines that cannot be written in time are dropped and counted. Nothing is
 * null but where it says so; no credential, no query string and no content stands in a line.
 */
package dev.refrain.console.log;
