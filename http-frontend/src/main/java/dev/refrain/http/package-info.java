/** The executable front-end. The proxy stands in {@code proxy}; the rest is what it is configured with. */
package dev.refrain.http;
