package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.template.AnswerCapture.State;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class BodyCaptureTest {
    @Test
    void openAiChatWithToolCalls() {
        Template template = Sample.of("""
                {
                  "id": "<<id|chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT>>",
                  "object": "chat.completion",
                  "created": <<time|1741569952>>,
                  "model": "gpt-5.4",
                  "choices": [
                    {
                      "index": 0,
                      "message": {
                        "role": "assistant",
                        "content": "\\"id\\":\\"chatcmpl-1\\",\\"created\\":1,\\"usage\\":{\\"total_tokens\\":9} \
                Gr\\u00fc\\u00dfe, 你好 \ud83d\ude00",
                        "tool_calls": [
                          {
                            "id": "call_abc123",
                            "type": "function",
                            "usage": {"total_tokens": 1},
                            "function": {"name": "save", "arguments": "{\\"id\\": \\"x\\", \\"created\\": 12, \
                \\"usage\\": {\\"a\\": 1}}"}
                          }
                        ],
                        "refusal": null
                      },
                      "logprobs": null,
                      "created": 5,
                      "finish_reason": "tool_calls"
                    }
                  ],
                  "usage": {
                    "prompt_tokens": <<0|19>>,
                    "completion_tokens": <<0|10>>,
                    "total_tokens": <<0|29>>,
                    "prompt_tokens_details": {"cached_tokens": <<0|0>>, "audio_tokens": <<0|0>>},
                    "completion_tokens_details": {"reasoning_tokens": <<0|7>>, "nested": [{"n": <<0|-1>>}, <<0|2.5>>, \
                "3", true, null]}
                  },
                  "service_tier": "default"
                }
                """).check(Endpoint.CHAT, false);

        assertThat(template.facts().tokensOrNone()).isEqualTo(29);
        assertThat(template.patchCount()).isEqualTo(2);
        assertThat(template.facts().id()).isEqualTo("chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT");
    }

    @Test
    void openRouterChatWithCosts() {
        Template template = Sample.of("""
                {"id":"<<id|gen-1749054545-cL0Zm2MxUcRkbGUYUEdO>>","provider":"OpenAI","model":"openai/gpt-4o",\
                "object":"chat.completion",\
                "created":<<time|1749054545>>,"choices":[{"logprobs":null,"finish_reason":"stop",\
                "native_finish_reason":"stop","index":0,\
                "message":{"role":"assistant","content":"Hi","refusal":null,"reasoning":null,\
                "images":[{"type":"image_url",\
                "image_url":{"url":"data:image/png;base64,AAAA"}}]}}],"usage":{"prompt_tokens":<<0|9>>,\
                "completion_tokens":<<0|2>>,\
                "total_tokens":<<0|11>>,"cost":<<0|0.0000425>>,"is_byok":false,\
                "cost_details":{"upstream_inference_cost":null,\
                "upstream_inference_prompt_cost":<<0|2.25e-5>>,\
                "upstream_inference_completions_cost":<<0|2E-05>>}}}""").check(Endpoint.CHAT, false);

        assertThat(template.facts().tokensOrNone()).isEqualTo(11);
    }

    @Test
    void openAiResponses() {
        Template template = Sample.of("""
                {
                  "id": "<<id|resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b>>",
                  "object": "response",
                  "created_at": <<time|1741476542>>,
                  "status": "completed",
                  "completed_at": <<time|1741476543>>,
                  "error": null,
                  "incomplete_details": null,
                  "output": [
                    {"type": "message", "id": "msg_67cc", "status": "failed", "created_at": 1, "role": "assistant",
                     "content": [{"type": "output_text", "text": "In a peaceful grove", "annotations": []}]},
                    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": \
                "{\\"id\\":\\"1\\"}"}
                  ],
                  "tools": [{"type": "function", "name": "f", "parameters": {"properties": {"id": {"type": "string"}, \
                "usage": {"n": 3}}}}],
                  "usage": {
                    "input_tokens": <<0|36>>,
                    "input_tokens_details": {"cached_tokens": <<0|0>>},
                    "output_tokens": <<0|87>>,
                    "output_tokens_details": {"reasoning_tokens": <<0|0>>},
                    "total_tokens": <<0|123>>
                  },
                  "created": 7,
                  "metadata": {"id": "mine"}
                }""").check(Endpoint.RESPONSES, false);

        assertThat(template.facts().tokensOrNone()).isEqualTo(123);
        assertThat(template.patchCount()).isEqualTo(3);
    }

    @Test
    void responsesKeepNullTimes() {
        Sample.of("{\"id\":\"<<id|r>>\",\"created_at\":<<time|1.5>>,\"completed_at\":null,"
                        + "\"status\":\"incomplete\",\"usage\":null}")
                .check(Endpoint.RESPONSES, false);
    }

    @Test
    void anthropicMessages() {
        Template template = Sample.of("""
                {"model":"claude-sonnet-4-5","id":"<<id|msg_01XFDUDYJgAACzvnptvVoYEL>>","type":"message",\
                "role":"assistant","content":[\
                {"type":"text","text":"Hi!"},{"type":"tool_use","id":"toolu_01A","name":"save",\
                "input":{"id":"x","usage":{"input_tokens":3},"created":4}}],"stop_reason":"tool_use",\
                "stop_sequence":null,\
                "created":5,"usage":{"input_tokens":<<0|2095>>,"cache_creation_input_tokens":<<0|0>>,\
                "cache_read_input_tokens":<<0|0>>,\
                "cache_creation":{"ephemeral_5m_input_tokens":<<0|0>>,"ephemeral_1h_input_tokens":<<0|12>>},\
                "output_tokens":<<0|503>>,\
                "server_tool_use":{"web_search_requests":<<0|1>>},\
                "service_tier":"standard"}}""").check(Endpoint.MESSAGES, false);

        assertThat(template.facts().tokensOrNone()).isEqualTo(2598);
        assertThat(template.patchCount()).isEqualTo(1);
    }

    @Test
    void embeddingsWithAndWithoutId() {
        Template without = Sample.of("""
                {"object":"list","data":[{"object":"embedding","id":"e","index":0,"embedding":[0.0023064255,\
                -0.009327292,-1e-7]}],\
                "model":"text-embedding-3-small","usage":{"prompt_tokens":<<0|8>>,\
                "total_tokens":<<0|8>>}}""").check(Endpoint.EMBEDDINGS, false);
        assertThat(without.facts().tokensOrNone()).isEqualTo(8);
        assertThat(without.patchCount()).isZero();
        assertThat(without.facts().id()).isNull();

        Sample.of("{\"id\":\"<<id|emb-1>>\",\"created\":1,\"data\":[{}],"
                        + "\"usage\":{\"prompt_tokens\":<<0|8>>,\"cost\":<<0|1e-9>>}}")
                .check(Endpoint.EMBEDDINGS, false);
    }

    @Test
    void escapedAndRepeatedNamesCount() {
        Sample.of("{\"\\u0069d\":\"<<id|a\\\"\\\\\\u00e4>>\",\"id\":\"<<id|>>\",\"i\\u0064\":7,\"ID\":\"x\","
                        + "\"us\\u0061ge\":{\"a\":<<0|1>>},"
                        + "\"usage\":[<<0|2>>,{\"b\":<<0|3>>}],\"created\":\"4\",\"created\":<<time|5>>,"
                        + "\"choices\":[{\"finish_reason\":\"stop\"}]}")
                .check(Endpoint.CHAT, false);
    }

    @Test
    void whiteSpaceAroundIsKept() {
        Sample.of(" \r\n\t{ \"id\" : \"<<id|x>>\" , \"created\" "
                        + ":\n<<time|123456789012>>\t,\"choices\":[{\"finish_reason\":\"stop\"}]} \n\n")
                .check(Endpoint.CHAT, false);
    }

    @Test
    void onlyUsableIdsAreReported() {
        assertThat(Sample.captureWhole(
                                Endpoint.CHAT,
                                false,
                                "{\"id\":\"a\\r\\nSet-Cookie: b\",\"choices\":[{\"finish_reason\":\"stop\"}]}")
                        .facts()
                        .id())
                .isNull();
        assertThat(Sample.captureWhole(Endpoint.CHAT, false, "{\"id\":\"\",\"choices\":[{\"finish_reason\":\"stop\"}]}")
                        .facts()
                        .id())
                .isNull();
        assertThat(Sample.captureWhole(
                                Endpoint.CHAT, false, "{\"id\":\"ä\",\"choices\":[{\"finish_reason\":\"stop\"}]}")
                        .facts()
                        .id())
                .isNull();
        assertThat(Sample.captureWhole(
                                Endpoint.CHAT,
                                false,
                                "{\"id\":\"" + "x".repeat(257) + "\",\"choices\":[{\"finish_reason\":\"stop\"}]}")
                        .facts()
                        .id())
                .isNull();
    }

    @Test
    void absurdTokenCountsAreNotTrusted() {
        assertThat(tokens("{\"usage\":{\"total_tokens\":" + "9".repeat(5000) + "}}"))
                .isZero();
        assertThat(tokens("{\"usage\":{\"total_tokens\":-5,\"prompt_tokens\":1.5,\"completion_tokens\":4}}"))
                .isEqualTo(4);
        assertThat(tokens("{\"usage\":{\"input_tokens\":9223372036854775807,\"output_tokens\":9223372036854775807}}"))
                .isEqualTo(2L * Integer.MAX_VALUE);
        assertThat(tokens("{\"usage\":{\"details\":{\"total_tokens\":7}}}")).isZero();
        assertThat(tokens("{\"usage\":null}")).isZero();
    }

    private static long tokens(String chat) {
        return Sample.captureWhole(Endpoint.CHAT, false, chat.substring(0, chat.length() - 1) + Sample.COMPLETE)
                .facts()
                .tokensOrNone();
    }

    @ParameterizedTest
    @EnumSource(Endpoint.class)
    void errorsAreRejected(Endpoint endpoint) {
        assertThat(Sample.rejection(
                        endpoint, false, "{\"status\":\"completed\",\"id\":\"x\",\"error\":{\"message\":\"boom\"}}"))
                .isEqualTo("error body");
        assertThat(Sample.rejection(endpoint, false, "{\"error\":\"\",\"status\":\"completed\",\"error\":null}"))
                .isEqualTo("error body");
        Sample.captureWhole(endpoint, false, "{\"x\":{\"error\":1}" + Sample.COMPLETE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"status\":\"failed\"}",
                "{\"status\":\"in_progress\"}",
                "{\"status\":\"queued\"}",
                "{\"status\":null}",
                "{\"status\":1}",
                "{\"output\":[{\"status\":\"completed\"}]}",
                "{}"
            })
    void responsesMustBeFinal(String body) {
        assertThat(Sample.rejection(Endpoint.RESPONSES, false, body))
                .isEqualTo("status neither completed nor incomplete");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "{",
                "{\"id\":\"x\"",
                "{\"id\":\"x\"} {}",
                "{\"id\":\"x\"}x",
                "[]",
                "[{\"id\":\"x\"}]",
                "\"x\"",
                "null",
                "<html></html>",
                "{\"id\":x}",
                "{'id':'x'}",
                "{\"usage\":{\"a\":1",
                "{\"usage\":{\"a\":NaN}}",
                "{\"usage\":{\"a\":01}}",
                "{\"usage\":[1}",
                "{\"a\":\"\n\"}",
                "{\"a\":1,}",
                "{/**/}",
                "\ufeff{}",
                "{\0}\0",
                "{\0\0\0}\0\0\0",
            })
    void onlyASingleJsonObjectIsAccepted(String body) {
        assertThat(Sample.rejection(Endpoint.CHAT, false, body)).isEqualTo("not JSON");
    }

    @Test
    void absurdDocumentsAreRejected() {
        assertThat(Sample.rejection(Endpoint.CHAT, false, "{\"a\":" + "[".repeat(2000) + "]".repeat(2000) + "}"))
                .isEqualTo("beyond what the JSON parser takes on");
        assertThat(Sample.rejection(Endpoint.CHAT, false, "{\"usage\":[0" + ",1".repeat(50_000) + "]}"))
                .isEqualTo("beyond what the JSON parser takes on");
        Sample.captureWhole(
                Endpoint.CHAT,
                false,
                "{\"usage\":[0" + ",1".repeat(49_999) + "],\"n\":[1],\"choices\":[{\"finish_reason\":\"stop\"}]}");
    }

    @Test
    void theLimitIsInclusive() {
        String body = "{\"choices\":[{\"finish_reason\":\"stop\"}],\"id\":\"" + "x".repeat(54) + "\"}";
        AnswerCapture fits = AnswerCapture.of(Endpoint.CHAT, false, 100, Sample.ZERO, Sample.unlimited());
        assertThat(fits.append(Sample.utf8(body))).isEqualTo(State.OPEN);
        assertThat(fits.end()).isEqualTo(State.COMPLETE);

        AnswerCapture tooLong = AnswerCapture.of(Endpoint.CHAT, false, 99, Sample.ZERO, Sample.unlimited());
        ByteBuffer chunk = Sample.utf8(body);
        chunk.limit(50);
        assertThat(tooLong.append(chunk)).isEqualTo(State.OPEN);
        chunk.limit(100).position(50);
        assertThat(tooLong.append(chunk)).isEqualTo(State.REJECTED);
        assertThat(tooLong.rejection()).isEqualTo("over the stored-answer limit");
        assertThat(tooLong.end()).isEqualTo(State.REJECTED);
    }

    @Test
    void sixteenMebibytesInOneStringAndInOneUsage() {
        int limit = 17 << 20;
        StringBuilder body = new StringBuilder(limit).append("{\"data\":\"");
        body.append("A".repeat(15 << 20))
                .append("\",\"usage\":{\"n\":")
                .append("7".repeat(1 << 20))
                .append("},\"choices\":[{\"finish_reason\":\"stop\"}]}");
        AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, false, limit, Sample.ZERO, Sample.unlimited());
        capture.append(Sample.utf8(body.toString()));
        assertThat(capture.end()).as(capture.rejection()).isEqualTo(State.COMPLETE);
        assertThat(capture.template().length()).isEqualTo(body.length() - (1 << 20) + 1);
    }

    @Test
    void chunksAreReadFromWhereverTheyAre() {
        String body = "{\"id\":\"x\",\"usage\":{\"n\":12},\"choices\":[{\"finish_reason\":\"stop\"}]}";
        AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, false, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        ByteBuffer direct = ByteBuffer.allocateDirect(100);
        direct.position(7).put(Sample.utf8(body.substring(0, 9))).flip().position(7);
        capture.append(direct.asReadOnlyBuffer());
        capture.append(direct.position(direct.limit()));
        ByteBuffer heap = Sample.utf8("??" + body.substring(9)).position(2);
        capture.append(heap.slice());
        assertThat(heap.position()).isEqualTo(2);
        assertThat(capture.end()).isEqualTo(State.COMPLETE);
        assertThat(Sample.replay(capture.template()))
                .isEqualTo("{\"id\":\"" + Sample.ID
                        + "\",\"usage\":{\"n\":0},\"choices\":[{\"finish_reason\":\"stop\"}]}");
    }

    @Test
    void thereIsNoTemplateBeforeTheEndNorAfterARejection() {
        String body = "{\"choices\":[{\"finish_reason\":\"stop\"}]}";
        AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, false, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        assertThat(capture.append(Sample.utf8(body))).isEqualTo(State.OPEN);
        assertThat(capture.rejection()).isNull();
        assertThatThrownBy(capture::template).isInstanceOf(IllegalStateException.class);
        assertThat(capture.end()).isEqualTo(State.COMPLETE);
        assertThat(capture.append(Sample.utf8("junk"))).isEqualTo(State.COMPLETE);
        assertThat(Sample.replay(capture.template())).isEqualTo(body);
        assertThat(capture.end()).isEqualTo(State.COMPLETE);

        AnswerCapture rejected = AnswerCapture.of(Endpoint.CHAT, false, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        assertThat(rejected.end()).isEqualTo(State.REJECTED);
        assertThatThrownBy(rejected::template).isInstanceOf(IllegalStateException.class);
    }

    /** Jackson alone would read this name as {@code id}. */
    @Test
    void aNameThatIsNotUtf8IsIgnored() {
        AnswerCapture capture = AnswerCapture.of(Endpoint.CHAT, false, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        capture.append(ByteBuffer.wrap("{\"\u00ffid\":\"x\"}".getBytes(StandardCharsets.ISO_8859_1)));
        assertThat(capture.end()).isEqualTo(State.REJECTED);
    }
}
