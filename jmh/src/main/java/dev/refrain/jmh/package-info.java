/**
 * Benchmarks of a hit, of its parts, and of the same answer from other stores in the same run.
 *
 * <p>Every benchmark works on the same data: {@link dev.refrain.jmh.Requests} asks for
 * {@link dev.refrain.jmh.ChatAnswers} by {@link dev.refrain.jmh.Popularity}. docs/PERFORMANCE.md has the commands and
 * the results; {@link dev.refrain.jmh.Guard} fails if a hit falls behind them.
 */
package dev.refrain.jmh;
