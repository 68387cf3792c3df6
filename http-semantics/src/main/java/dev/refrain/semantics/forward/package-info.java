/** What crosses the proxy, in either direction (wire rules W2 and W9). */
package dev.refrain.semantics.forward;
