/**
 * The front-end for OkHttp: {@link dev.refrain.okhttp.RefrainInterceptor}. Works with OkHttp 4.12 and, as it has the
 * same types, 5. Thread-safe. No parameter and no result is null.
 */
package dev.refrain.okhttp;
