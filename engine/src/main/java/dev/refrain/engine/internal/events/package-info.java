/**
 * Events for the JDK's Flight Recorder. An event is off unless a recording enables it by name. While it is off it costs
 * a read of a field or two: each class keeps one instance that tells whether the event is enabled, and makes further
 * instances only if it is. Fields hold digests and sizes, never an API key or a prompt.
 */
package dev.refrain.engine.internal.events;
