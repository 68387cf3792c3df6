/**
 * The front-end for anthropic-java: {@link dev.refrain.anthropic.RefrainAnthropic}. Its interceptor is called for each
 * attempt, below the SDK's retries. Thread-safe. No parameter and no result is null.
 */
package dev.refrain.anthropic;
