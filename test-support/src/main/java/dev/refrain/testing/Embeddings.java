package dev.refrain.testing;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Answers of a provider of embeddings. A text's vector depends only on the text. Stateless. */
public final class Embeddings {
    private static final Pattern INPUT = Pattern.compile("\"input\"\\s*:\\s*\\[([^\\]]*)]");
    private static final Pattern TEXT = Pattern.compile("\"([^\"]*)\"");

    private Embeddings() {}

    /** The texts in a request's list of inputs; they must need no escaping. */
    public static List<String> texts(String request) {
        List<String> texts = new ArrayList<>();
        Matcher input = INPUT.matcher(request);
        if (input.find()) {
            Matcher text = TEXT.matcher(input.group(1));
            while (text.find()) {
                texts.add(text.group(1));
            }
        }
        return texts;
    }

    /** The first number of a text's vector; the second is the text's length. */
    public static float first(String text) {
        return (text.hashCode() & 0xFFFF) / 65536f;
    }

    /** The answer to a request. Each character counts as a token. */
    public static String answer(String request) {
        List<String> texts = texts(request);
        boolean isBase64 = request.contains("\"base64\"");
        StringBuilder data = new StringBuilder();
        int tokens = 0;
        for (int i = 0; i < texts.size(); i++) {
            String text = texts.get(i);
            tokens += text.length();
            data.append(i == 0 ? "" : ",")
                    .append("{\"object\":\"embedding\",\"index\":")
                    .append(i)
                    .append(",\"embedding\":")
                    .append(isBase64 ? base64(text) : "[" + first(text) + "," + (float) text.length() + "]")
                    .append('}');
        }
        return "{\"object\":\"list\",\"data\":[" + data + "],\"model\":\"m\",\"usage\":{\"prompt_tokens\":" + tokens
                + ",\"total_tokens\":" + tokens + "}}";
    }

    private static String base64(String text) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putFloat(first(text)).putFloat(text.length());
        return "\"" + Base64.getEncoder().encodeToString(bytes.array()) + "\"";
    }
}
