/**
 * What a user can set, and where it comes from. {@link dev.refrain.http.config.Settings} is both the settings and their
 * description; flags, variables, defaults, checks and error lines all derive from it.
 *
 * <p>Priorities: a start with a wrong setting never happens; the user learns in one line what to change. Runs once,
 * before any other thread does; everything it hands out is immutable.
 */
package dev.refrain.http.config;
