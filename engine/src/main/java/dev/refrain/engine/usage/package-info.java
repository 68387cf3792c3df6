/**
 * Reads from answers that are not stored what they cost. Stable API, like the root package.
 */
package dev.refrain.engine.usage;
