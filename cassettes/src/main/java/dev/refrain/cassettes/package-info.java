/**
 * Recordings of calls to providers, in a folder of files that people read, compare and commit; docs/CASSETTES.md has
 * the format. {@link dev.refrain.cassettes.Cassettes} records and plays. What is played is what the provider sent, byte
 * for byte; what a request is compared by has no credential in it, and neither has a file. Files are read and written
 * on threads of its own. Stable API; nothing is null, unless it says so.
 */
package dev.refrain.cassettes;
