/**
 * What the engine tells the JDK's Flight Recorder. Every event is off unless a recording asks for it by name; then it
 * costs what JFR costs, otherwise a look at a field or two: each class keeps an instance to ask, and makes another only
 * when it is on. Fields hold digests and sizes, never an API key or a prompt.
 */
package dev.refrain.engine.internal.events;
