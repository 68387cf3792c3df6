/** Code that the engine's packages share. Not API: anything here may change between two builds. */
package dev.refrain.engine.internal;
