/** The format of response ids, their random numbers, and the encrypted tags in ids of hits. */
package dev.refrain.engine.internal.ids;
