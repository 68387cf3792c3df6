/**
 * The bound on heap that requests and answers take, in bytes. Stable API, like the root package.
 */
package dev.refrain.engine.memory;
