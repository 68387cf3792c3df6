/**
 * The form of response ids, the random numbers in them, and what those of hits
 * say to whoever has the installation's secret.
 */
package dev.refrain.engine.internal.ids;
