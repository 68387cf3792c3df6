/**
 * Writes and reads archives: entries as the store has them, in files with a checksum each. docs/STORAGE-FORMAT.md
 * describes the format. The package uses stores only through the SPI, and treats keys and entries as bytes.
 */
package dev.refrain.engine.internal.archive;
