package dev.refrain.http.demo;

import com.fasterxml.jackson.databind.node.TextNode;
import java.util.concurrent.ThreadLocalRandom;

/** Pieces of JSON documents and event streams. */
final class Json {
    private static final String ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private Json() {}

    static String quote(String text) {
        return text == null ? "null" : TextNode.valueOf(text).toString();
    }

    /** A quoted id in the vendors' style. */
    static String freshId(String prefix, int length) {
        StringBuilder id = new StringBuilder(prefix);
        ThreadLocalRandom.current()
                .ints(length, 0, ALPHANUMERIC.length())
                .forEach(i -> id.append(ALPHANUMERIC.charAt(i)));
        return quote(id.toString());
    }

    static long nowSeconds() {
        return System.currentTimeMillis() / 1000;
    }

    /** One server-sent event of a vendor that names its events. */
    static String event(String type, String data) {
        return "event: " + type + "\ndata: " + data + "\n\n";
    }
}
