/**
 * Encryption of entries, so that whoever reads a store file, a shared tier or a dump of one sees no prompt and no
 * answer, and cannot make an entry. Pure functions on bytes: nothing here knows stores, tiers or clocks.
 * docs/STORAGE-FORMAT.md has the bytes, docs/RATIONALE.md the reasons.
 */
package dev.refrain.engine.internal.seal;
