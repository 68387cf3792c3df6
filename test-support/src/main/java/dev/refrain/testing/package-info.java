/** What the tests of several modules use. Knows no other module, so that each may use it. */
package dev.refrain.testing;
