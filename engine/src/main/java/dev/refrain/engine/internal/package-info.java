/**
 * What the engine's packages share among themselves. Not API: anything here may change between two builds.
 */
package dev.refrain.engine.internal;
