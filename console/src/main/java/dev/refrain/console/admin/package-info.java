/**
 * The admin listener: what an operator sees and does. It has threads of its own, so that nothing asked here holds up a
 * client; every answer is made on one of its worker threads, the requests' own ones are never touched. Who may ask is
 * decided in one place, {@link dev.refrain.console.admin.Gate}, before anything else happens.
 */
package dev.refrain.console.admin;
