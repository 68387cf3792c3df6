package dev.refrain.jmh.http;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Makes the requests of {@code jmh/http/bodies.lua}, byte for byte, so that either program gets hits from the answers
 * that were stored for the other.
 */
final class Bodies {
    private static final String[] WORDS =
            "latency cache provider answer tokens prompt model please explain why the of and how".split(" ");
    /** Bytes of a body without its text. */
    private static final int FRAME = 160;

    /** Exponent of Zipf's law for the popularity of bodies, as in the engine's benchmarks. */
    private static final double EXPONENT = 0.99;

    private static final int DRAWS = 1 << 18;

    private Bodies() {}

    /** The sequence of bodies, numbered from 0, to be repeated from the start. */
    static int[] byPopularity(int count) {
        double[] cumulated = new double[count];
        double sum = 0;
        for (int rank = 0; rank < count; rank++) {
            sum += Math.pow(rank + 1, -EXPONENT);
            cumulated[rank] = sum;
        }
        SplittableRandom random = new SplittableRandom(1);
        int[] drawn = new int[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            int found = Arrays.binarySearch(cumulated, random.nextDouble() * sum);
            drawn[i] = Math.min(found >= 0 ? found : -found - 1, count - 1);
        }
        return drawn;
    }

    /**
     * A request with its head.
     *
     * @param number of the body, from 1
     * @param size approximate length of the body in bytes
     */
    static byte[] request(int number, int size, boolean stream, String host) {
        StringBuilder text = new StringBuilder(size);
        long state = number;
        while (text.length() < size - FRAME) {
            state = (state * 16807) % 2147483647;
            text.append(WORDS[(int) (state % WORDS.length)]).append(' ');
        }
        String body = "{\"model\":\"acme/bench\",\"messages\":[{\"role\":\"user\",\"content\":\"" + number + " " + text
                + "\"}],\"temperature\":0.2" + (stream ? ",\"stream\":true" : "") + "}";
        return ("POST /v1/chat/completions HTTP/1.1\r\nHost: " + host
                        + "\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-bench\r\n"
                        + "X-OpenRouter-Cache: true\r\nX-OpenRouter-Cache-TTL: 86400\r\nContent-Length: "
                        + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
    }
}
