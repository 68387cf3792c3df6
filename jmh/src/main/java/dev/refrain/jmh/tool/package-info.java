/**
 * Programs for operators of a store: {@link dev.refrain.jmh.tool.Verifier} checks a store, or puts one under stress.
 * They read the file by the engine's internals, so they work only with the engine's own version. The command line is
 * their only API.
 */
package dev.refrain.jmh.tool;
