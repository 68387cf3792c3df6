/** TLS from files in PEM, toward providers and toward clients. */
package dev.refrain.semantics.tls;
