/**
 * Programs that have a cache in them, each in one file. Each wants the flags of docs/EMBEDDING.md, as its cache is a
 * file. Without a provider at hand, {@code java -jar http-frontend/target/refrain.jar} has one that calls no model, at
 * {@code http://localhost:8080/v1}.
 */
package dev.refrain.examples;
