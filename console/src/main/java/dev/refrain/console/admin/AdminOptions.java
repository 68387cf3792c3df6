package dev.refrain.console.admin;

/**
 * Where an {@link AdminServer} listens, and what it asks for.
 *
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param token what a request must bring, or null; there is to be one unless the address is loopback
 */
public record AdminOptions(String host, int port, String token) {
    /** Not the token. */
    @Override
    public String toString() {
        return host + ":" + port;
    }
}
