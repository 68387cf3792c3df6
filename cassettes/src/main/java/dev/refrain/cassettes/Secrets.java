package dev.refrain.cassettes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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
            "token",
            "apikey",
            "xapikey",
            "encodedapikey",
            "accountkey",
            "privatekey",
            "secretkey",
            "subscriptionkey",
            "secret",
            "clientsecret",
            "secretaccesskey",
            "sessiontoken",
            "accesskeyid",
            "connectionstring",
            "password");

    /** Objects of which every text may be one: header fields, and how a provider signs in to a source of data. */
    private static final Set<String> ALL_WITHIN = Set.of("headers", "authentication", "credentials");

    /** Members of a JSON Schema whose members are schemas: what they are called says nothing of what is in them. */
    private static final Set<String> SCHEMAS = Set.of("properties", "patternproperties", "$defs", "definitions");

    /** Header fields that hold no credential, and the kind of a credential. */
    private static final Pattern HARMLESS = Pattern.compile(
            "accept.*|content(type|length|language|encoding)|useragent|prefer|cachecontrol|type|.*(version|beta)");

    /** Parameters of a URL that sign it, or that sign its user in. */
    private static final Pattern PARAMETER = Pattern.compile(
            ".*(key|keyid|token|secret|signature|password|passwd|credentials?|auth|authorization)|sig|code|pwd|pass");

    private static final Pattern USER = Pattern.compile("(\\w+://)([^/?#@]+)@");

    private static final Pattern URL = Pattern.compile("(?i)(https?|wss?)://\\S+");

    private static final Pattern SCHEME = Pattern.compile("(?i)(bearer|basic|token|apikey)\\s+(\\S.*)");

    private static final Pattern WORD = Pattern.compile("\\p{L}+");

    private static final Pattern DIGIT = Pattern.compile("[0-9]");

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
                String value = part.substring(equals + 1).replaceAll("^\"|\"$", "");
                if (!WORD.matcher(value).matches()) {
                    // Not a word, such as the language in a cookie: answers have words.
                    values.add(value);
                }
            }
        }
    }

    /** A text of a body: the whole of it, with and without its scheme. */
    private void addWhole(String text) {
        values.add(text.strip());
        Matcher scheme = SCHEME.matcher(text.strip());
        if (scheme.matches()) {
            values.add(scheme.group(2));
        }
    }

    /**
     * Takes credentials out of a body.
     *
     * @param all whether every text in it may be one
     */
    void removeFrom(JsonNode node, boolean all) {
        if (node instanceof ObjectNode object) {
            for (Map.Entry<String, JsonNode> member : object.properties()) {
                String name = plain(member.getKey());
                JsonNode value = member.getValue();
                if (!all && SCHEMAS.contains(name) && value.isObject()) {
                    removeFromSchemas(value);
                } else if (!all || !value.isTextual() || !HARMLESS.matcher(name).matches()) {
                    boolean isCredential = MEMBERS.contains(name) && !isOfAnAnswer(name, object);
                    member.setValue(without(value, isCredential, all || ALL_WITHIN.contains(name)));
                }
            }
        } else if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                array.set(i, without(array.get(i), false, all));
            }
        }
    }

    /** Members of which those that are objects say what something looks like, whatever it is called. */
    private void removeFromSchemas(JsonNode schemas) {
        for (Map.Entry<String, JsonNode> schema : schemas.properties()) {
            if (schema.getValue().isContainerNode()) {
                removeFrom(schema.getValue(), false);
            } else {
                boolean isCredential = MEMBERS.contains(plain(schema.getKey()));
                schema.setValue(without(schema.getValue(), isCredential, false));
            }
        }
    }

    /** What is recorded in place of a value. */
    private JsonNode without(JsonNode value, boolean isCredential, boolean all) {
        if (value.isContainerNode()) {
            removeFrom(value, all || (isCredential && value.isArray()));
            return value;
        }
        if (!value.isTextual()) {
            return value;
        }
        String text = value.textValue();
        if (isCredential || all) {
            // Of those that have no telling name, words are left in answers.
            if (isCredential || DIGIT.matcher(text).find()) {
                addWhole(text);
            }
            return TextNode.valueOf(PLACEHOLDER);
        }
        return URL.matcher(text).matches() ? url(text) : value;
    }

    /** A URL without its user and the parameters that sign it. */
    private TextNode url(String url) {
        Matcher user = USER.matcher(url);
        String plain = url;
        if (user.lookingAt()) {
            addWhole(user.group(2));
            plain = user.group(1) + PLACEHOLDER + url.substring(user.end() - 1);
        }
        int query = plain.indexOf('?');
        if (query < 0) {
            return TextNode.valueOf(plain);
        }
        StringBuilder out = new StringBuilder(plain.length()).append(plain, 0, query);
        char before = '?';
        for (String parameter : plain.substring(query + 1).split("&", -1)) {
            int equals = parameter.indexOf('=');
            out.append(before);
            before = '&';
            if (equals > 0
                    && PARAMETER.matcher(plain(parameter.substring(0, equals))).matches()) {
                addWhole(parameter.substring(equals + 1));
                out.append(parameter, 0, equals + 1).append(PLACEHOLDER);
            } else {
                out.append(parameter);
            }
        }
        return TextNode.valueOf(out.toString());
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
    }

    /**
     * Whether a {@code token} is a piece of a word: answers with log probabilities have such, and clients send them
     * back.
     */
    private static boolean isOfAnAnswer(String name, ObjectNode object) {
        return name.equals("token") && object.has("logprob");
    }

    /** Whether a text has one of them in it. */
    boolean isIn(String text) {
        return values.stream().anyMatch(value -> value.length() >= SHORTEST && text.contains(value));
    }

    /** The same bytes with an asterisk for each byte of a credential; the same array if there is none. */
    byte[] mask(byte[] answer) {
        List<byte[]> secrets = values.stream()
                .filter(text -> text.length() >= SHORTEST)
                .map(text -> text.getBytes(StandardCharsets.UTF_8))
                .toList();
        // By their first two bytes, so that the answer is gone through once, however many there are.
        BitSet beginnings = new BitSet(1 << 16);
        secrets.forEach(secret -> beginnings.set(two(secret, 0)));
        byte[] masked = answer;
        for (int i = 0; i < answer.length - 1; i++) {
            if (!beginnings.get(two(answer, i))) {
                continue;
            }
            for (byte[] secret : secrets) {
                int end = i + secret.length;
                if (end <= answer.length && Arrays.equals(answer, i, end, secret, 0, secret.length)) {
                    if (masked == answer) {
                        masked = answer.clone();
                    }
                    Arrays.fill(masked, i, end, (byte) '*');
                }
            }
        }
        return masked;
    }

    private static int two(byte[] bytes, int at) {
        return ((bytes[at] & 0xFF) << 8) | (bytes[at + 1] & 0xFF);
    }

    /** Says nothing of what it holds. */
    @Override
    public String toString() {
        return values.size() + " credentials";
    }
}
