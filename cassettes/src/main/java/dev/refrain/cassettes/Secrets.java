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
 * The credentials of one request. They are kept out of its recording: out of the request, and out of the answer, where
 * a provider may repeat them. Used by one thread at a time, and dropped with the request.
 */
final class Secrets {
    /** Replaces a credential in a recorded request. */
    static final String PLACEHOLDER = "(not recorded)";

    /** Shorter texts are not masked, since they may be words of an answer. */
    private static final int SHORTEST = 8;

    /**
     * Names of JSON members whose texts are credentials for tools that the provider calls. Names are compared in lower
     * case, without {@code -} and {@code _}.
     */
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

    /** Names of objects in which every text may be a credential: header fields, and logins to data sources. */
    private static final Set<String> ALL_WITHIN = Set.of("headers", "authentication", "credentials");

    /** Members of a JSON Schema whose own members are schemas. A schema is not a credential because of its name. */
    private static final Set<String> SCHEMAS = Set.of("properties", "patternproperties", "$defs", "definitions");

    /** Names of members of {@link #ALL_WITHIN} objects whose texts are no credentials, such as {@code type}. */
    private static final Pattern HARMLESS = Pattern.compile(
            "accept.*|content(type|length|language|encoding)|useragent|prefer|cachecontrol|type|.*(version|beta)");

    /** Parameters of a URL that hold a signature or a credential. */
    private static final Pattern PARAMETER = Pattern.compile(
            ".*(key|keyid|token|secret|signature|password|passwd|credentials?|auth|authorization)|sig|code|pwd|pass");

    private static final Pattern USER = Pattern.compile("(\\w+://)([^/?#@]+)@");

    private static final Pattern URL = Pattern.compile("(?i)(https?|wss?)://\\S+");

    private static final Pattern SCHEME = Pattern.compile("(?i)(bearer|basic|token|apikey)\\s+(\\S.*)");

    private static final Pattern WORD = Pattern.compile("\\p{L}+");

    private static final Pattern DIGIT = Pattern.compile("[0-9]");

    private final Set<String> values = new LinkedHashSet<>();

    /** Adds the value of a header field or query parameter that holds a credential. */
    void add(String line) {
        String text = line.strip();
        values.add(text);
        // The parts are added, too: the credential without its scheme (RFC 9110, 11.4), and single cookies.
        for (String part : text.split("[\\s;,]+", -1)) {
            values.add(part);
            int equals = part.indexOf('=');
            if (equals >= 0) {
                String value = part.substring(equals + 1).replaceAll("^\"|\"$", "");
                if (!WORD.matcher(value).matches()) {
                    // A plain word, such as a language in a cookie, is left out, since it may occur in answers.
                    values.add(value);
                }
            }
        }
    }

    /** Adds a whole text of a body, with and without its authentication scheme. */
    private void addWhole(String text) {
        values.add(text.strip());
        Matcher scheme = SCHEME.matcher(text.strip());
        if (scheme.matches()) {
            values.add(scheme.group(2));
        }
    }

    /**
     * Removes credentials from a body.
     *
     * @param all whether every text in the body may be a credential
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

    /**
     * Removes credentials from named schemas. A schema is not a credential because of its name, but a text of that name
     * is one.
     */
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

    /** The value as it is recorded. */
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
            // If the member's name does not mark a credential, only a text with a digit is masked in answers. A mere
            // word could be a word of the answer.
            if (isCredential || DIGIT.matcher(text).find()) {
                addWhole(text);
            }
            return TextNode.valueOf(PLACEHOLDER);
        }
        return URL.matcher(text).matches() ? url(text) : value;
    }

    /** A URL without user, and without values of parameters that hold a signature or a credential. */
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
     * Whether a member {@code token} is a token of a model. Answers with log probabilities have such members, and
     * clients send them back to the provider.
     */
    private static boolean isOfAnAnswer(String name, ObjectNode object) {
        return name.equals("token") && object.has("logprob");
    }

    /** Whether a text contains a credential. */
    boolean isIn(String text) {
        return values.stream().anyMatch(value -> value.length() >= SHORTEST && text.contains(value));
    }

    /** The answer with asterisks in place of each credential; the same array if it contains none. */
    byte[] mask(byte[] answer) {
        List<byte[]> secrets = values.stream()
                .filter(text -> text.length() >= SHORTEST)
                .map(text -> text.getBytes(StandardCharsets.UTF_8))
                .toList();
        // The first two bytes of each secret, so that one pass over the answer is enough for all secrets.
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

    /** Only the number of credentials, so that none of them reaches a log. */
    @Override
    public String toString() {
        return values.size() + " credentials";
    }
}
