package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import java.time.Duration;

/**
 * How far to go for clients that are waited for: for more of a request, or for an answer to be taken.
 *
 * @param memory where all that is held for them is reserved
 * @param waits who is waited for
 * @param timeout the longest wait for one of them
 */
public record Patience(MemoryBudget memory, Waits waits, Duration timeout) {}
