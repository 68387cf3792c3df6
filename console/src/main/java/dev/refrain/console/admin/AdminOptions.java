package dev.refrain.console.admin;

/**
 * Options of an {@link AdminServer}. Immutable.
 *
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param token the token that a request must bring; null for none, which only a loopback address may have
 */
public record AdminOptions(String host, int port, String token) {
    /** Not the token. */
    @Override
    public String toString() {
        return host + ":" + port;
    }
}
