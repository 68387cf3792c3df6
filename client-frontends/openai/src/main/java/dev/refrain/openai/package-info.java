/**
 * The front-end for openai-java: {@link dev.refrain.openai.RefrainOpenAi}. It wraps the SDK's own HTTP client, below
 * its retries, so that each attempt meets the cache once. Thread-safe. No parameter and no result is null.
 */
package dev.refrain.openai;
