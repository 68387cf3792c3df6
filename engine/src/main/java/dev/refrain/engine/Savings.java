package dev.refrain.engine;

/**
 * What an answer from the cache spares whoever asked: what the answer cost when it was fetched.
 *
 * @param promptTokens tokens of the request, 0 if the provider did not count them
 * @param tokens all tokens, those of the request included, 0 if the provider did not count them
 * @param fetchMillis milliseconds that fetching the answer took, 0 if not known
 */
public record Savings(long promptTokens, long tokens, long fetchMillis) {
    /** Nothing is known to be spared. */
    public static final Savings NONE = new Savings(0, 0, 0);
}
