/**
 * Programs for whoever runs a store: {@link dev.refrain.engine.tool.Verifier} looks at one, and puts one under stress. Not API: the
 * command line is what stays. Needs picocli, which {@code refrain.jar} brings and an embedder may add.
 */
package dev.refrain.engine.tool;
