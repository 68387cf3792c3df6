/**
 * The engine's shared tier on Redis 6.2 or later, or Valkey, with Lettuce. Nothing blocks. Short commands, entries that
 * are sent, and notices each have a connection. Each step that has to be atomic is one Lua script, whose keys share a
 * slot. All data from the server is bounded in bytes and is not trusted. Stable API; nothing is null, unless its
 * comment says so.
 */
package dev.refrain.shared.redis;
