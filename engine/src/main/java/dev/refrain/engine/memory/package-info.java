/** The bound on heap that requests and answers take, in bytes. Stable API. No parameter and no result is null. */
package dev.refrain.engine.memory;
