/**
 * The front-end for openai-java: {@link dev.refrain.openai.RefrainOpenAi}. It wraps the SDK's own HTTP client, below
 * the SDK's retries, so that the cache sees each attempt. Thread-safe. No parameter and no result is null.
 */
package dev.refrain.openai;
