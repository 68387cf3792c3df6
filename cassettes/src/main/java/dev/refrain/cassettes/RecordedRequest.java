package dev.refrain.cassettes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.Endpoint;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;

/**
 * A request without credentials, as it is recorded and compared. Immutable.
 *
 * @param model empty if the request names none
 * @param deployment Azure's name for the model, or empty
 * @param query without credentials; may be empty
 * @param fields lines of the header that are compared, {@code name: value}, sorted
 * @param sample number of the wanted answer among several (wire rule W82), or {@link #NO_SAMPLE}
 * @param text the body, a JSON object on one line; as a tree it would take many times the memory during a call
 */
record RecordedRequest(
        Endpoint endpoint,
        String model,
        String deployment,
        String query,
        List<String> fields,
        int sample,
        String text) {
    static final int NO_SAMPLE = -1;

    /** A mapper that keeps the spelling of numbers. */
    static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    RecordedRequest(
            Endpoint endpoint,
            String model,
            String deployment,
            String query,
            List<String> fields,
            int sample,
            ObjectNode body) {
        this(endpoint, model, deployment, query, fields, sample, written(body));
    }

    private static String written(JsonNode body) {
        try {
            return JSON.writeValueAsString(body);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The body, parsed anew at each call. */
    ObjectNode body() {
        try {
            return (ObjectNode) JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    RecordedRequest withSample(int which) {
        return new RecordedRequest(endpoint, model, deployment, query, fields, which, text);
    }

    /**
     * The SHA-256 of all compared parts, in hexadecimal. The order of members and the spelling of numbers are ignored,
     * since they differ between programming languages.
     *
     * @param rules which members are ignored
     */
    String digest(KeyRules rules) {
        ObjectNode counts = body();
        for (String place : rules.ignored()) {
            remove(counts, place.split("\\.", -1));
        }
        MessageDigest digest = sha256();
        part(digest, "refrain-cassette-1");
        part(digest, endpoint.id());
        part(digest, deployment);
        part(digest, query);
        part(digest, Integer.toString(fields.size()));
        for (String field : fields) {
            part(digest, field);
        }
        part(digest, Integer.toString(sample));
        StringBuilder canonical = new StringBuilder();
        canonical(counts, canonical);
        part(digest, canonical.toString());
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void remove(ObjectNode top, String... place) {
        JsonNode at = top;
        for (int i = 0; i < place.length - 1; i++) {
            at = at.path(place[i]);
        }
        if (at instanceof ObjectNode object) {
            object.remove(place[place.length - 1]);
        }
    }

    private static void part(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update((bytes.length + ":").getBytes(StandardCharsets.US_ASCII));
        digest.update(bytes);
    }

    private static void canonical(JsonNode node, StringBuilder out) {
        if (node.isObject()) {
            TreeSet<String> names = new TreeSet<>();
            node.fieldNames().forEachRemaining(names::add);
            char before = '{';
            for (String name : names) {
                out.append(before).append(quoted(name)).append(':');
                canonical(node.get(name), out);
                before = ',';
            }
            out.append(before == '{' ? "{}" : "}");
        } else if (node.isArray()) {
            out.append('[');
            for (int i = 0; i < node.size(); i++) {
                if (i > 0) {
                    out.append(',');
                }
                canonical(node.get(i), out);
            }
            out.append(']');
        } else {
            out.append(scalar(node));
        }
    }

    /** The canonical spelling of a value that is neither object nor list. */
    static String scalar(JsonNode node) {
        if (node.isTextual()) {
            return quoted(node.textValue());
        }
        if (!node.isNumber()) {
            return node.asText();
        }
        BigDecimal number = node.decimalValue();
        // In exponential notation where needed, since a number that is written out can have a billion digits.
        return number.signum() == 0 ? "0" : number.stripTrailingZeros().toString();
    }

    static String quoted(String text) {
        try {
            return JSON.writeValueAsString(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }
}
