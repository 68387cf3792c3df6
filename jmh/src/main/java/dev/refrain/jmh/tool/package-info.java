/**
 * Programs for whoever runs a store: {@link dev.refrain.jmh.tool.Verifier} looks at one, and puts one under stress.
 * They read the file as the engine's internals do, so they belong to one version of it. No API but the command line.
 */
package dev.refrain.jmh.tool;
