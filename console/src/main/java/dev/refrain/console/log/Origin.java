package dev.refrain.console.log;

/**
 * Where a request comes from, and its request line, for the access log. Immutable and thread-safe; nothing is null.
 * Clients may send 64 KiB of each text, so long texts are cut, and end with an ellipsis.
 *
 * @param client address of the connection's peer
 * @param path as it was sent, without the query string, which may hold a credential
 */
public record Origin(String client, String method, String path, String protocol) {
    /** Limit of method and protocol, in characters; the longest registered method has 17. */
    static final int MAX_WORD = 32;

    static final int MAX_PATH = 2048;

    /** Cuts long texts. */
    public Origin {
        method = cut(method, MAX_WORD);
        path = cut(path, MAX_PATH);
        protocol = cut(protocol, MAX_WORD);
    }

    private static String cut(String text, int most) {
        return text.length() <= most ? text : text.substring(0, most - 1) + "…";
    }

    /** Estimated bytes of the heap that the texts take; the address is short, and not counted. */
    long heldBytes() {
        return 2L * (method.length() + path.length() + protocol.length());
    }
}
