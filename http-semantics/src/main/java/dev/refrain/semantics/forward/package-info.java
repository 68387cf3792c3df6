/** What the proxy forwards, in either direction (wire rules W2 and W9). */
package dev.refrain.semantics.forward;
