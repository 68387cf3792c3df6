package dev.refrain.jmh;

import java.nio.charset.StandardCharsets;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Non-streaming chat answers of a certain length, no two alike. */
@State(Scope.Benchmark)
public class ChatAnswers {
    static final String CONTENT_TYPE = "application/json";

    private static final String TAIL = "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
            + "{\"prompt_tokens\":214,\"completion_tokens\":871,\"total_tokens\":1085},"
            + "\"system_fingerprint\":\"fp_5b26d85e12\"}";

    @Param({"1024", "4096", "32768"})
    private int answerBytes;

    public ChatAnswers() {}

    /** For programs that do not use JMH. */
    ChatAnswers(int answerBytes) {
        this.answerBytes = answerBytes;
    }

    byte[] answer(int entry) {
        String head = "{\"id\":\"chatcmpl-" + (1_000_000_000L + entry)
                + "\",\"object\":\"chat.completion\",\"created\":1767225600,"
                + "\"model\":\"acme/large-2026\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                + "\"content\":\"";
        String text = EnglishText.of(entry, answerBytes - head.length() - TAIL.length());
        return (head + text + TAIL).getBytes(StandardCharsets.US_ASCII);
    }

    /** A capacity at which the given number of answers fit into a store without evictions. */
    long roomyCapacity(int entries) {
        // Three quarters of the length is more than compressed answers take, which leaves room for uneven segments.
        long needed = entries * (answerBytes * 3L / 4 + 768);
        return Math.max(needed, 32L << 20);
    }
}
