/**
 * The admin listener: what an operator sees and does. It has threads of its own, so that no admin request delays a
 * client; its worker threads make all answers. {@link dev.refrain.console.admin.Gate} alone decides which requests are
 * allowed, before anything else happens. Unless a type says otherwise, no parameter and no result is null.
 */
package dev.refrain.console.admin;
