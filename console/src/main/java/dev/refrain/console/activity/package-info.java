/**
 * What is known of each request: counters, latencies, a time series, and a log on disk of the latest requests.
 *
 * <p>Priorities: a request never fails or waits because of this; a hit pays next to nothing; no API key, prompt or
 * answer text is kept. An {@link dev.refrain.console.activity.Account} is filled on the threads of its request and
 * handed over once, through a bounded queue, to whoever holds the log's lock: its own thread, or a reader. What the
 * queue does not take is counted and dropped. Unless a type says otherwise, no parameter and no result is null.
 */
package dev.refrain.console.activity;
