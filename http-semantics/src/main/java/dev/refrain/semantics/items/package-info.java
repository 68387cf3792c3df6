/**
 * Requests for many embeddings, item by item (wire rule W86): known items come from the cache, and one call fetches the
 * rest. {@link dev.refrain.semantics.items.ItemByItem} is the entry point. In doubt, a request is handled as a whole
 * like any other: items are joined only if the result is exactly what a provider would send.
 */
package dev.refrain.semantics.items;
