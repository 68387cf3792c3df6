/** The commands of refrain.jar that ask a running Refrain: clients of the admin listener's JSON, and nothing else. */
package dev.refrain.console.cli;
