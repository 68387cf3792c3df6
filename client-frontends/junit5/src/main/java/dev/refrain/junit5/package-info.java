/**
 * For tests whose calls to models are recorded once and played afterwards: {@link dev.refrain.junit5.Cassette}. Stable
 * API; nothing is null, unless its comment says so.
 */
package dev.refrain.junit5;
