package dev.refrain.console.admin;

/**
 * Options of an {@link AdminServer}. Immutable.
 *
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param token the token that a request must bring; null for none, which only a loopback address may have
 * @param tokenSetting what users of this front-end call the setting that holds the token, for messages
 */
public record AdminOptions(String host, int port, String token, String tokenSetting) {
    /** Not the token. */
    @Override
    public String toString() {
        return host + ":" + port;
    }
}
