/**
 * The record of each request: counters, latencies, a time series, and a log on disk of the latest requests.
 *
 * <p>Priorities: a request never fails or waits because of its record; a hit pays next to nothing; no API key, prompt
 * or answer text is kept. The threads of a request fill its {@link dev.refrain.console.activity.Account}, and hand it
 * over once, through a bounded queue. The holder of the log's lock empties the queue: the log's own thread, or a query.
 * A request that finds the queue full is counted and dropped. Unless a type says otherwise, no parameter and no result
 * is null.
 */
package dev.refrain.console.activity;
