package dev.refrain.console.admin;

/**
 * Options of an {@link AdminServer}. Immutable and thread-safe.
 *
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param token the token that a request must bring; null for none, which only a loopback address may have
 * @param tokenSetting what users of this front-end call the setting that holds the token, for messages; the other
 *     settings stand beside it
 * @param content whether stored answers can be looked at
 */
public record AdminOptions(String host, int port, String token, String tokenSetting, Content content) {
    /** Whether stored answers can be looked at. */
    public enum Content {
        /** No answer leaves the cache here. */
        OFF,
        /** Whoever may ask this listener may look at stored answers; each look is logged. */
        ON
    }

    /** One that shows no stored answers. */
    public AdminOptions(String host, int port, String token, String tokenSetting) {
        this(host, port, token, tokenSetting, Content.OFF);
    }

    /** What users of this front-end call the setting that says whether stored answers can be looked at. */
    String contentSetting() {
        return tokenSetting.substring(0, tokenSetting.lastIndexOf('.') + 1) + "content";
    }

    /** Not the token. */
    @Override
    public String toString() {
        return host + ":" + port;
    }
}
