/**
 * The front-end for the JDK's own HTTP client: {@link dev.refrain.jdkhttp.RefrainHttpClient}. Thread-safe. No parameter
 * and no result is null.
 */
package dev.refrain.jdkhttp;
