/**
 * The commands of refrain.jar that ask a running Refrain, as clients of the admin listener's JSON and nothing else, and
 * those that read or fill a store by themselves.
 */
package dev.refrain.console.cli;
