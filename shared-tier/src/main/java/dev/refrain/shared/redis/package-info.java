/**
 * The engine's shared tier on Redis 6.2 or later, or Valkey, by Lettuce. Nothing blocks: commands go out on one
 * connection, and notices come in on another. Each step that has to be atomic is one Lua script, whose keys share a
 * slot. Whatever is read from the server is bounded in bytes and may be anything. Stable API; nothing is null, unless
 * it says so.
 */
package dev.refrain.shared.redis;
