/**
 * Recordings of calls to providers, in a folder of files that people read, compare and commit; docs/CASSETTES.md has
 * the format. {@link dev.refrain.cassettes.Cassettes} records and plays. A played answer is what the provider sent,
 * byte for byte. Neither a file nor the comparison of requests contains a credential. Files are read and written on the
 * package's own threads. Stable API; nothing is null, unless its comment says so.
 */
package dev.refrain.cassettes;
