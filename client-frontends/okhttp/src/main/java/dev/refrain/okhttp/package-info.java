/**
 * The front-end for OkHttp: {@link dev.refrain.okhttp.RefrainInterceptor}. Works with OkHttp 4.12 and, as it has the
 * same types, 5. Thread-safe.
 */
package dev.refrain.okhttp;
