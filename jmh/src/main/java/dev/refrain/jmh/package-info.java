/**
 * What a hit costs, what its parts cost, and what the same answer from Caffeine costs in the same run.
 *
 * <p>Every benchmark works on the same data: {@link dev.refrain.jmh.Requests} asks for
 * {@link dev.refrain.jmh.ChatAnswers} by {@link dev.refrain.jmh.Popularity}. docs/PERFORMANCE.md has the commands and
 * what was measured; {@link dev.refrain.jmh.Guard} holds a hit to it.
 */
package dev.refrain.jmh;
