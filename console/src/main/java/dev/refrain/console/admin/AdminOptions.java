package dev.refrain.console.admin;

/**
 * Options of an {@link AdminServer}. Immutable and thread-safe.
 *
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param token the token that a request must bring; null for none, which only a loopback address may have
 * @param tokenSetting full name of the setting that holds the token, for messages; the names of the others differ only
 *     in the part after the last dot
 * @param content whether stored answers can be looked at
 */
public record AdminOptions(String host, int port, String token, String tokenSetting, Content content) {
    /** Whether stored answers can be looked at. */
    public enum Content {
        /** The listener shows no stored answer. */
        OFF,
        /** Every client with access to the listener may look at stored answers; each look is logged. */
        ON
    }

    /** Options that show no stored answers. */
    public AdminOptions(String host, int port, String token, String tokenSetting) {
        this(host, port, token, tokenSetting, Content.OFF);
    }

    /** Full name of the setting for {@link #content}, for messages. */
    String contentSetting() {
        return tokenSetting.substring(0, tokenSetting.lastIndexOf('.') + 1) + "content";
    }

    /** Address and port alone, so that the token reaches no log. */
    @Override
    public String toString() {
        return host + ":" + port;
    }
}
