/**
 * Helpers that the tests of several modules share. They depend on no other module, so that each module may use them.
 */
package dev.refrain.testing;
