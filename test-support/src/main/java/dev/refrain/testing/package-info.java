/** Helpers that the tests of several modules share. Knows no other module, so that each may use it. */
package dev.refrain.testing;
