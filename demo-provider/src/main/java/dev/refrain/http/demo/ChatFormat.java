package dev.refrain.http.demo;

import java.util.ArrayList;
import java.util.List;

/** OpenAI Chat Completions: https://platform.openai.com/docs/api-reference/chat. */
final class ChatFormat implements DemoFormat {
    @Override
    public String input() {
        return "messages";
    }

    @Override
    public DemoAnswer answer(DemoRequest request) {
        List<String> tokens = DemoText.tokens(request);
        String id = Json.freshId("chatcmpl-", 29);
        String model = Json.quote(request.model());
        String usage = """
                {"prompt_tokens":%1$d,"completion_tokens":%2$d,"total_tokens":%3$d,\
                "prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0},\
                "completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,\
                "rejected_prediction_tokens":0}}\
                """.formatted(request.inputTokens(), tokens.size(), request.inputTokens() + tokens.size());
        if (request.streaming()) {
            boolean withUsage =
                    request.fields().at("/stream_options/include_usage").asBoolean();
            return DemoAnswer.stream(new Chunks(id, Json.nowSeconds(), model, withUsage ? usage : null).of(tokens));
        }
        return DemoAnswer.body("""
                {"id":%s,"object":"chat.completion","created":%d,"model":%s,"choices":[{"index":0,\
                "message":{"role":"assistant","content":%s,"refusal":null,"annotations":[]},\
                "logprobs":null,"finish_reason":"stop"}],"usage":%s,"service_tier":"default",\
                "system_fingerprint":"fp_refrain"}\
                """.formatted(id, Json.nowSeconds(), model, Json.quote(String.join("", tokens)), usage));
    }

    /**
     * The chunks of one stream.
     *
     * @param usage usage for the last chunk, or null if the client did not ask for it
     */
    private record Chunks(String id, long created, String model, String usage) {
        List<String> of(List<String> tokens) {
            List<String> pieces = new ArrayList<>();
            pieces.add(choice("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null"));
            tokens.forEach(token -> pieces.add(choice("{\"content\":" + Json.quote(token) + "}", "null")));
            pieces.add(choice("{}", "\"stop\"") + (usage == null ? "" : chunk("[]", usage)) + "data: [DONE]\n\n");
            return pieces;
        }

        private String choice(String delta, String finishReason) {
            String choice = "[{\"index\":0,\"delta\":%s,\"logprobs\":null,\"finish_reason\":%s}]"
                    .formatted(delta, finishReason);
            return chunk(choice, "null");
        }

        private String chunk(String choices, String chunkUsage) {
            return """
                    data: {"id":%s,"object":"chat.completion.chunk","created":%d,"model":%s,"service_tier":"default",\
                    "system_fingerprint":"fp_refrain","choices":%s%s}

                    """.formatted(id, created, model, choices, usage == null ? "" : ",\"usage\":" + chunkUsage);
        }
    }
}
