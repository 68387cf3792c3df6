/**
 * The settings, and where they come from. {@link dev.refrain.http.config.Settings} holds the settings and describes
 * them: flags, variables, defaults, checks and error lines all derive from it.
 *
 * <p>Priorities: Refrain never starts with a wrong setting, and each error line says what to change. The settings are
 * read before any other thread starts, and again at each reload. Everything that the package hands out is immutable.
 */
package dev.refrain.http.config;
