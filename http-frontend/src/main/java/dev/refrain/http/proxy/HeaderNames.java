package dev.refrain.http.proxy;

import io.undertow.util.HttpString;

/** The header fields of the wire contract that have no constant elsewhere. */
final class HeaderNames {
    static final HttpString CACHE = new HttpString("X-OpenRouter-Cache");
    static final HttpString CACHE_TTL = new HttpString("X-OpenRouter-Cache-TTL");
    static final HttpString CACHE_CLEAR = new HttpString("X-OpenRouter-Cache-Clear");
    static final HttpString CACHE_STATUS = new HttpString("X-OpenRouter-Cache-Status");
    static final HttpString CACHE_AGE = new HttpString("X-OpenRouter-Cache-Age");
    static final HttpString CACHE_SOURCE_ID = new HttpString("X-OpenRouter-Cache-Source-Id");
    static final HttpString GENERATION_ID = new HttpString("X-Generation-Id");
    /** By which nginx, and those that follow it, are told not to hold a response back. */
    static final HttpString ACCEL_BUFFERING = new HttpString("X-Accel-Buffering");
    /** RFC 9211. */
    static final HttpString STANDARD_CACHE_STATUS = new HttpString("Cache-Status");

    /** What the SDKs of OpenAI and Anthropic ask before they send a request again. */
    static final HttpString SHOULD_RETRY = new HttpString("x-should-retry");
    /** What a hit spares whoever asked (wire rule W33). */
    static final HttpString SAVED_TOKENS = new HttpString("X-Refrain-Saved-Tokens");

    static final HttpString SAVED_MS = new HttpString("X-Refrain-Saved-Ms");
    static final HttpString SAVED_COST = new HttpString("X-Refrain-Saved-Cost");

    private HeaderNames() {}
}
