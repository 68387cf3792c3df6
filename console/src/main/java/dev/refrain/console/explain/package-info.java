/**
 * Why a request was not answered from the cache, and which stored requests are most similar. For that, an outline of
 * each stored request is kept in memory: keyed hashes of its values, and their paths. Neither prompts nor answers are
 * kept, and nothing is written to disk. A thread of its own makes the outlines; a request that finds the thread's queue
 * full gets no outline. Unless a type says otherwise, no parameter and no result is null.
 */
package dev.refrain.console.explain;
