package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import java.time.Duration;

/**
 * The limits for clients that the proxy waits for: to send more of a request, or to take more of an answer. Immutable.
 *
 * @param memory budget for everything that is held for them
 * @param slowClients the clients that are waited for
 * @param timeout the longest wait for one of them
 */
public record ClientLimits(MemoryBudget memory, SlowClients slowClients, Duration timeout) {}
