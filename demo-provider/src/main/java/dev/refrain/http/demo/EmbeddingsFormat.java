package dev.refrain.http.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;

/**
 * OpenAI Embeddings: https://platform.openai.com/docs/api-reference/embeddings. A vector is a unit vector in a random
 * direction that depends on the input only.
 */
final class EmbeddingsFormat implements DemoFormat {
    private static final int DEFAULT_DIMENSIONS = 1536;
    private static final int MAX_DIMENSIONS = 4096;
    /** OpenAI's limit of inputs in one request. */
    private static final int MAX_INPUTS = 2048;

    @Override
    public String input() {
        return "input";
    }

    @Override
    public DemoAnswer answer(DemoRequest request) throws DemoRequest.Refused {
        JsonNode dimensions = request.fields().path("dimensions");
        int length = dimensions.isMissingNode() || dimensions.isNull() ? DEFAULT_DIMENSIONS : dimensions.asInt();
        if (length < 1 || length > MAX_DIMENSIONS) {
            throw new DemoRequest.Refused(
                    "'dimensions' must be a number from 1 to " + MAX_DIMENSIONS + ".", "dimensions");
        }
        String encoding = request.fields().path("encoding_format").asText("float");
        if (!encoding.equals("float") && !encoding.equals("base64")) {
            throw new DemoRequest.Refused("'encoding_format' must be 'float' or 'base64'.", "encoding_format");
        }
        StringBuilder data = new StringBuilder();
        List<JsonNode> inputs = inputs(request.input());
        for (int i = 0; i < inputs.size(); i++) {
            float[] vector = unitVector(inputs.get(i).toString(), length);
            data.append(i == 0 ? "" : ",")
                    .append("""
                    {"object":"embedding","index":%d,"embedding":%s}\
                    """.formatted(i, encoding.equals("base64") ? base64(vector) : array(vector)));
        }
        return DemoAnswer.body("""
                {"object":"list","data":[%s],"model":%s,"usage":{"prompt_tokens":%3$d,"total_tokens":%3$d}}\
                """.formatted(data, Json.quote(request.model()), request.inputTokens()));
    }

    /** A text or an array of token numbers is one input; an array of either is several. */
    private static List<JsonNode> inputs(JsonNode input) throws DemoRequest.Refused {
        List<JsonNode> inputs = new ArrayList<>();
        if (input.isTextual() || (input.isArray() && input.path(0).isNumber())) {
            inputs.add(input);
        } else if (input.isArray()) {
            input.forEach(inputs::add);
        }
        if (inputs.isEmpty()
                || inputs.size() > MAX_INPUTS
                || !inputs.stream()
                        .allMatch(one -> one.isTextual() || one.path(0).isNumber())) {
            throw new DemoRequest.Refused(
                    "'input' must be a text, an array of token numbers, or an array of 1 to " + MAX_INPUTS
                            + " of these.",
                    "input");
        }
        return inputs;
    }

    private static float[] unitVector(String input, int length) {
        Random random = new Random(seed(input));
        double[] direction = random.doubles(length, -1, 1).toArray();
        double norm = 0;
        for (double coordinate : direction) {
            norm += coordinate * coordinate;
        }
        float[] vector = new float[length];
        for (int i = 0; i < length; i++) {
            vector[i] = (float) (direction[i] / Math.sqrt(norm));
        }
        return vector;
    }

    private static long seed(String input) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(input.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(hash).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static String array(float[] vector) {
        StringJoiner array = new StringJoiner(",", "[", "]");
        for (float coordinate : vector) {
            array.add(Float.toString(coordinate));
        }
        return array.toString();
    }

    /** The coordinates as little-endian 32-bit floats. */
    private static String base64(float[] vector) {
        ByteBuffer bytes = ByteBuffer.allocate(vector.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return Json.quote(Base64.getEncoder().encodeToString(bytes.array()));
    }
}
