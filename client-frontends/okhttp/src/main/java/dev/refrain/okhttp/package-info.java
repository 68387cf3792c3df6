/**
 * The front-end for OkHttp: {@link dev.refrain.okhttp.RefrainInterceptor}. Works with OkHttp 4.12, and with 5, which
 * has the same types. Thread-safe. No parameter and no result is null.
 */
package dev.refrain.okhttp;
