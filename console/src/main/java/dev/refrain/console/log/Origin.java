package dev.refrain.console.log;

/**
 * What a request says of itself to the access log. Immutable and thread-safe; nothing is null.
 *
 * @param client address that it came from
 * @param path as it was sent, without the query string, which may hold a credential
 */
public record Origin(String client, String method, String path, String protocol) {}
