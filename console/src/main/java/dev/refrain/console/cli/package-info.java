/**
 * The commands of refrain.jar. Most ask a running Refrain, solely through the admin listener's JSON; {@code export} and
 * {@code import} open the store themselves.
 */
package dev.refrain.console.cli;
