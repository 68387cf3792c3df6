/**
 * The common part of all front-ends inside a JVM. Requests of the client library that a program already has go through
 * the cache, by the rules of the wire contract and under the keys of the proxy. A front-end implements
 * {@link dev.refrain.semantics.client.ClientRequest} and turns {@link dev.refrain.semantics.client.ClientAnswer} into
 * an answer of its library; {@link dev.refrain.semantics.client.ClientCache} does the rest.
 *
 * <p>A hit is answered on the thread that asks. A call to the provider runs on a thread of its own, so that it outlives
 * the client that made it (wire rule W29). Stable API. Unless a type says otherwise, nothing is null.
 */
package dev.refrain.semantics.client;
