/**
 * The front-end for openai-java: {@link dev.refrain.openai.RefrainOpenAi}. It wraps the SDK's own HTTP client, below
 * its retries, so that each attempt meets the cache once. Thread-safe.
 */
package dev.refrain.openai;
