package dev.refrain.cassettes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The credentials of one request, which are in no recording: neither as it asked nor as a provider repeats them in its
 * answer. Used by one thread at a time, and let go with the request.
 */
final class Secrets {
    /** Stands in a recorded request for a credential. */
    static final String PLACEHOLDER = "(not recorded)";

    /** Shorter texts may well be words of an answer. */
    private static final int SHORTEST = 8;

    /** Members whose texts are credentials, without {@code -} and {@code _}: of tools that the provider calls. */
    private static final Set<String> MEMBERS = Set.of(
            "authorization",
            "authorizationtoken",
            "accesstoken",
            "refreshtoken",
            "authtoken",
            "bearertoken",
            "idtoken",
            "apikey",
            "xapikey",
            "clientsecret",
            "secretkey",
            "secretaccesskey",
            "sessiontoken",
            "accesskeyid",
            "password");

    /** An object of header fields, of which every text may be one. */
    private static final String HEADERS = "headers";

    private final Set<String> values = new LinkedHashSet<>();

    /** A line of a header field that holds a credential, or such a parameter of the query. */
    void add(String line) {
        String text = line.strip();
        values.add(text);
        // With or without its scheme (RFC 9110, 11.4), and each of several parts, such as cookies.
        for (String part : text.split("[\\s;,]+", -1)) {
            values.add(part);
            int equals = part.indexOf('=');
            if (equals >= 0) {
                values.add(part.substring(equals + 1).replaceAll("^\"|\"$", ""));
            }
        }
    }

    /** Takes credentials out of a body. */
    void removeFrom(JsonNode node, boolean all) {
        if (node instanceof ObjectNode object) {
            for (Map.Entry<String, JsonNode> member : object.properties()) {
                String name = member.getKey().toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
                if (member.getValue().isTextual() && (all || MEMBERS.contains(name))) {
                    add(member.getValue().textValue());
                    member.setValue(TextNode.valueOf(PLACEHOLDER));
                } else {
                    removeFrom(member.getValue(), name.equals(HEADERS));
                }
            }
        } else {
            node.forEach(item -> removeFrom(item, false));
        }
    }

    /** Whether a text has one of them in it. */
    boolean isIn(String text) {
        return values.stream().anyMatch(value -> value.length() >= SHORTEST && text.contains(value));
    }

    /** The same bytes with an asterisk for each byte of a credential; the same array if there is none. */
    byte[] mask(byte[] answer) {
        byte[] masked = answer;
        // The longest first: a part of it may be another.
        for (String value : values.stream()
                .filter(text -> text.length() >= SHORTEST)
                .sorted((a, b) -> b.length() - a.length())
                .toList()) {
            byte[] secret = value.getBytes(StandardCharsets.UTF_8);
            for (int at = indexOf(masked, secret, 0); at >= 0; at = indexOf(masked, secret, at + secret.length)) {
                if (masked == answer) {
                    masked = answer.clone();
                }
                Arrays.fill(masked, at, at + secret.length, (byte) '*');
            }
        }
        return masked;
    }

    private static int indexOf(byte[] in, byte[] what, int from) {
        for (int i = from; i <= in.length - what.length; i++) {
            if (in[i] == what[0] && Arrays.equals(in, i, i + what.length, what, 0, what.length)) {
                return i;
            }
        }
        return -1;
    }

    /** Says nothing of what it holds. */
    @Override
    public String toString() {
        return values.size() + " credentials";
    }
}
