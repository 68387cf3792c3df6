/**
 * Why a request was not answered from the cache, and which stored requests come nearest to it. For that an outline of
 * each stored request is kept in memory: keyed hashes of its values and the paths at which they stand. Neither prompts
 * nor answers are kept, and nothing goes to the disk. Outlines are made on a thread of their own; a request that finds
 * it busy gets none. Unless a type says otherwise, no parameter and no result is null.
 */
package dev.refrain.console.explain;
