/** Counts the tokens and costs of answers that are not stored. Stable API. No parameter and no result is null. */
package dev.refrain.engine.usage;
