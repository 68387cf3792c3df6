/**
 * Writes archives, and reads them: entries as they are in the store, in files with a checksum each.
 * docs/STORAGE-FORMAT.md has the format. It knows stores by the SPI alone, and keys and entries as bytes.
 */
package dev.refrain.engine.internal.archive;
