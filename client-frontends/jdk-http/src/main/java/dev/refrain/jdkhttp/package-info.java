/** The front-end for the JDK's own HTTP client: {@link dev.refrain.jdkhttp.RefrainHttpClient}. Thread-safe. */
package dev.refrain.jdkhttp;
