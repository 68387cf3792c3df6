/** The executable front-end: command line, start and signals. The proxy itself is in {@code proxy}. */
package dev.refrain.http;
