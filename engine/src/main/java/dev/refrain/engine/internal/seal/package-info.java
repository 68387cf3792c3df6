/**
 * Encrypts entries. Someone with access to a store file, a shared tier or a dump can read no prompt and no answer, and
 * cannot forge an entry. The functions work on bytes only, without stores, tiers or clocks. docs/STORAGE-FORMAT.md has
 * the format, docs/RATIONALE.md the reasons.
 */
package dev.refrain.engine.internal.seal;
