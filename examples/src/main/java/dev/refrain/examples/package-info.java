/**
 * Programs with a cache, each in one file. Each needs the flags of docs/EMBEDDING.md, because its cache is a file. To
 * try them without a provider, run {@code java -jar http-frontend/target/refrain.jar}: its demo provider, at
 * {@code http://localhost:8080/v1}, calls no model.
 */
package dev.refrain.examples;
