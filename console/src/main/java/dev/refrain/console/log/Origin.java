package dev.refrain.console.log;

/**
 * What a request says of itself to the access log. Immutable and thread-safe; nothing is null. What is longer than any
 * that is meant is cut, and ends with an ellipsis then: clients may send 64 KiB of each.
 *
 * @param client address that it came from
 * @param path as it was sent, without the query string, which may hold a credential
 */
public record Origin(String client, String method, String path, String protocol) {
    /** Characters; the longest method that is registered has 17. */
    static final int MAX_WORD = 32;

    static final int MAX_PATH = 2048;

    /** Cuts what is long. */
    public Origin {
        method = cut(method, MAX_WORD);
        path = cut(path, MAX_PATH);
        protocol = cut(protocol, MAX_WORD);
    }

    private static String cut(String text, int most) {
        return text.length() <= most ? text : text.substring(0, most - 1) + "…";
    }

    /** What its texts take of the heap, about; the address is short. */
    long heldBytes() {
        return 2L * (method.length() + path.length() + protocol.length());
    }
}
