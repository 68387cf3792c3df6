package dev.refrain.engine;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import java.nio.charset.StandardCharsets;

/** Requests and answers in the shapes that providers use. */
final class SampleAnswers {
    static final String CHAT_REQUEST =
            "{\"model\":\"acme/large\",\"messages\":[{\"role\":\"user\",\"content\":\"Say  hello\"}]}";

    static final String CHAT_ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"acme/large\","
                    + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello "
                    + "\\\"id\\\":\\\"x\\\"\"},"
                    + "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,"
                    + "\"total_tokens\":21}}";

    /** What a hit reports of {@link #CHAT_ANSWER}. */
    static final AnswerFacts CHAT_FACTS = new AnswerFacts(null, 9, 12, 21, AnswerFacts.UNKNOWN, "stop");

    static final String CHAT_STREAM = chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null")
            + ": OPENROUTER PROCESSING\n\n"
            + chunk("{\"content\":\"Hello\"}", "null")
            + chunk("{}", "\"stop\"")
            + "data: [DONE]\n\n";

    private SampleAnswers() {}

    private static String chunk(String delta, String finish) {
        return "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                + "\"model\":\"acme/large\",\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":"
                + finish
                + "}]}\n\n";
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static CacheRequest chat(String body) {
        return CacheRequest.of(Endpoint.CHAT, "sk-test", utf8(body));
    }
}
