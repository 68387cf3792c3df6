package dev.refrain.jmh.http;

import dev.refrain.jmh.EnglishText;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Prepared answers: documents and event streams. A request's body determines which of them it gets. */
final class Answers {
    private static final int VARIANTS = 64;
    private static final int TOKENS = 800;
    private static final byte[] STREAM = "\"stream\":true".getBytes(StandardCharsets.US_ASCII);

    private final ByteBuffer[] documents = new ByteBuffer[VARIANTS];
    private final ByteBuffer[] streams = new ByteBuffer[VARIANTS];

    /** @param length approximate length of a document in bytes */
    Answers(int length) {
        for (int i = 0; i < VARIANTS; i++) {
            documents[i] = direct(document(i, length));
            streams[i] = direct(stream(i));
        }
    }

    private static ByteBuffer direct(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    private static String document(int number, int length) {
        String head = "{\"id\":\"chatcmpl-" + (1_000_000_000L + number)
                + "\",\"object\":\"chat.completion\",\"created\":1767225600,\"model\":\"acme/large-2026\","
                + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"";
        String tail = "\"},\"finish_reason\":\"stop\"}],\"usage\":"
                + "{\"prompt_tokens\":200,\"completion_tokens\":800,\"total_tokens\":1000}}";
        return head + EnglishText.of(number, Math.max(16, length - head.length() - tail.length())) + tail;
    }

    private static String stream(int number) {
        StringBuilder stream = new StringBuilder(256 * TOKENS);
        for (int i = 0; i < TOKENS; i++) {
            stream.append(event("chatcmpl-" + (1_000_000_000L + number), " word" + (number + i) % 977));
        }
        return stream.append("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
                .toString();
    }

    /** An event of about 250 bytes, like providers' events. */
    static String event(String id, String token) {
        return "data: {\"id\":\"" + id + "\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,"
                + "\"model\":\"acme/large-2026\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_5b26d85e12\","
                + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + token
                + "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    }

    /** Whether a body asks for a stream. Looks only at its last bytes, where the load script puts the member. */
    static boolean isStream(byte[] body) {
        int from = body.length - STREAM.length - 1;
        return from >= 0 && Arrays.equals(body, from, from + STREAM.length, STREAM, 0, STREAM.length);
    }

    ByteBuffer to(byte[] body, boolean stream) {
        // Sums 96 bytes: the beginnings of bodies are equal, and differ only further on.
        int sum = 0;
        for (int i = 0; i < Math.min(body.length, 96); i++) {
            sum += body[i];
        }
        return (stream ? streams : documents)[sum % VARIANTS].duplicate();
    }
}
