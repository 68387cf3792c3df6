/**
 * Requests for many embeddings, item by item (wire rule W86): what is known comes from the cache, and one call fetches
 * the rest. {@link dev.refrain.semantics.items.ItemByItem} is the way in. Whatever is in doubt goes as a whole, like
 * any other request: no answer is put together that is not exactly what its parts are.
 */
package dev.refrain.semantics.items;
