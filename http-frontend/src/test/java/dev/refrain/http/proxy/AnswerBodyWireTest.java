package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Documents as providers may send them: passed on byte for byte (W23), stored or not (W16), and changed by a hit (W25).
 */
class AnswerBodyWireTest extends ProviderFaults {
    /** Endpoint, content type, body, and the body of a hit; null if nothing is stored. */
    static Stream<Arguments> documents() {
        String json = "application/json";
        String deep = "[".repeat(900) + "]".repeat(900);
        String tooDeep = "[".repeat(1200) + "]".repeat(1200);
        return Stream.of(
                // Usage
                stored(Api.CHAT, json, "{\"id\":\"ID\",\"usage\":null}", null),
                stored(Api.CHAT, json, "{\"id\":\"ID\"}", null),
                stored(Api.CHAT, json, "{\"id\":\"ID\",\"usage\":\"21\"}", null),
                stored(Api.CHAT, json, "{\"id\":\"ID\",\"usage\":{\"total_tokens\":\"21\",\"x\":true,\"y\":{}}}", null),
                stored(Api.CHAT, json, "{\"usage\":21,\"id\":\"ID\"}", "{\"usage\":0,\"id\":\"ID\"}"),
                stored(
                        Api.RESPONSES,
                        json,
                        "{\"status\":\"completed\",\"usage\":{\"a\":{\"b\":[1,-2.5,{\"c\":3e9,\"d\":\"4\"}]}}}",
                        "{\"status\":\"completed\",\"usage\":{\"a\":{\"b\":[0,0,{\"c\":0,\"d\":\"4\"}]}}}"),
                stored(
                        Api.MESSAGES,
                        json,
                        "{\"usage\":{\"n\":1},\"usage\":{\"n\":2}}",
                        "{\"usage\":{\"n\":0},\"usage\":{\"n\":0}}"),
                stored(
                        Api.EMBEDDINGS,
                        json,
                        "{\"data\":[{\"embedding\":[-1e-400,0.1]}],\"usage\":{\"total_tokens\":4,\"cost\":1e-9}}",
                        "{\"data\":[{\"embedding\":[-1e-400,0.1]}],\"usage\":{\"total_tokens\":0,\"cost\":0}}"),
                stored(
                        Api.CHAT,
                        json,
                        "{\"usage\":{\"total_tokens\":" + "9".repeat(2000) + "}}",
                        "{\"usage\":{\"total_tokens\":0}}"),
                // Ids and times
                stored(Api.CHAT, json, "{\"id\":null,\"created\":\"7\"}", null),
                stored(Api.CHAT, json, "{\"id\":17,\"created\":null}", null),
                stored(Api.CHAT, json, "{\"id\":\"ID\",\"id\":\"ID\",\"choice\":[{\"id\":\"x\"}]}", null),
                // Numbers, texts and nesting that can break a parser
                stored(
                        Api.CHAT,
                        json,
                        "{\"n\":[1e400,-0,0.0000000000000000000001,123456789012345678901234567890]}",
                        null),
                stored(Api.CHAT, json, "{\"t\":\"\\ud800 \\udc00\\ud83d \\u0000 \\ud83d\\ude00\"}", null),
                stored(Api.CHAT, json, "{\"\":2,\"a\":1,\"a\":2}", null),
                stored(Api.CHAT, json, "{\"t\":\"\u007f\u0080\u2028\uffff grüße 😀\"}", null),
                stored(Api.CHAT, json, "{\"a\":" + deep + "}", null),
                stored(Api.CHAT, json, " \r\n\t{ \"a\" : 1 }\r\n \n", null),
                stored(Api.CHAT, json, "{\"" + "k".repeat(40_000) + "\":\"" + "v".repeat(400_000) + "\"}", null),
                stored(Api.CHAT, json, "{}", null),
                stored(Api.CHAT, json, "{\"error\":null}", null),
                // Types
                stored(Api.CHAT, "text/html", "{\"a\":1}", null),
                stored(Api.CHAT, "application/json; charset=iso-8859-1", "{\"a\":\"ü\"}", null),
                stored(Api.CHAT, "application/problem+json", "{\"a\":1}", null),
                stored(Api.CHAT, "garbage", "{\"a\":1}", null),
                // Failures and incomplete answers
                notStored(Api.CHAT, json, "{\"choices\":[{\"finish_reason\":\"stop\",\"error\":{\"code\":502}}]}"),
                notStored(Api.CHAT, json, "{\"choices\":[{\"finish_reason\":\"error\"}]}"),
                notStored(Api.CHAT, json, "{\"choices\":[{\"finish_reason\":\"stop\"},{\"finish_reason\":null}]}"),
                notStored(Api.CHAT, json, "{\"choices\":null}"),
                notStored(Api.CHAT, json, "{\"choices\":[]}"),
                notStored(Api.CHAT, json, "{}"),
                notStored(Api.CHAT, json, "{\"detail\":\"Not found\"}"),
                notStored(Api.CHAT, json, "{\"object\":\"error\",\"choices\":[{\"finish_reason\":\"stop\"}]}"),
                notStored(Api.CHAT, json, "{\"base_resp\":{\"status_code\":1002}}"),
                notStored(Api.CHAT, json, "{\"error_code\":18}"),
                notStored(Api.CHAT, json, "{\"errors\":[{\"code\":1}]}"),
                notStored(Api.MESSAGES, json, "{\"type\":\"message\",\"stop_reason\":null}"),
                notStored(Api.EMBEDDINGS, json, "{\"data\":[]}"),
                notStored(Api.EMBEDDINGS, json, "{\"data\":null}"),
                notStored(Api.CHAT, json, "{\"error\":{\"code\":429,\"message\":\"slow down\"}}"),
                notStored(Api.CHAT, json, "{\"id\":\"x\",\"choices\":[],\"error\":\"\"}"),
                notStored(Api.CHAT, json, "{\"error\":false}"),
                notStored(Api.CHAT, json, "{\"\\u0065rror\":{}}"),
                notStored(Api.MESSAGES, json, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}"),
                notStored(Api.RESPONSES, json, "{\"status\":\"completed\",\"error\":{\"code\":\"server_error\"}}"),
                notStored(Api.RESPONSES, json, "{\"status\":\"cancelled\"}"),
                notStored(
                        Api.EMBEDDINGS,
                        json,
                        "{\"error\":{\"message\":\"No successful provider responses.\",\"code\":404}}"),
                // Not JSON
                notStored(Api.CHAT, json, "{\"a\":1"),
                notStored(Api.CHAT, json, "{\"a\":1}}"),
                notStored(Api.CHAT, json, "{\"a\":1}\n{\"a\":2}"),
                notStored(Api.CHAT, json, "{\"usage\":{\"n\":NaN}}"),
                notStored(Api.CHAT, json, "{\"n\":Infinity}"),
                notStored(Api.CHAT, json, "{\"n\":01}"),
                // A name has to be decoded, unlike a value, and half of a surrogate pair cannot be.
                notStored(Api.CHAT, json, "{\"\\ud800\":1}"),
                notStored(Api.CHAT, json, "{\"a\":1,}"),
                notStored(Api.CHAT, json, "{'a':1}"),
                notStored(Api.CHAT, json, "{\"a\":\"\0\"}"),
                notStored(Api.CHAT, json, "{\"a\":\"\n\"}"),
                notStored(Api.CHAT, json, "\ufeff{\"a\":1}"),
                notStored(Api.CHAT, json, "{\"a\":" + tooDeep + "}"),
                notStored(Api.CHAT, json, "[{\"a\":1}]"),
                notStored(Api.CHAT, json, "\"text\""),
                notStored(Api.CHAT, json, "null"),
                notStored(Api.CHAT, json, "\n\n\n"),
                notStored(Api.CHAT, json, "\0\0\0\0"),
                notStored(Api.CHAT, "text/html", "<html>upstream connect error</html>"),
                Arguments.of(Api.CHAT, json, "{\"a\":\"ü\"}", StandardCharsets.ISO_8859_1, null),
                Arguments.of(Api.CHAT, "application/json; charset=utf-16", "{\"a\":1}", StandardCharsets.UTF_16, null),
                Arguments.of(
                        Api.CHAT, "application/json; charset=utf-16", "{\"a\":1}", StandardCharsets.UTF_16LE, null));
    }

    /** @param replay the body of a hit, or null if it is the stored body; {@code ID} stands for the id */
    private static Arguments stored(Api api, String type, String body, String replay) {
        return Arguments.of(
                api, type, complete(api, body), StandardCharsets.UTF_8, complete(api, replay == null ? body : replay));
    }

    /** The document, with the members that make it complete. */
    private static String complete(Api api, String body) {
        String more = switch (api) {
            case CHAT -> "\"choices\":[{\"finish_reason\":\"stop\"}]";
            case MESSAGES -> "\"stop_reason\":\"end_turn\"";
            default -> "";
        };
        int end = body.lastIndexOf('}');
        return body.substring(0, end) + (body.equals("{}") || more.isEmpty() ? "" : ",") + more + body.substring(end);
    }

    private static Arguments notStored(Api api, String type, String body) {
        return Arguments.of(api, type, body, StandardCharsets.UTF_8, null);
    }

    @ParameterizedTest
    @MethodSource("documents")
    void w16_aDocumentIsPassedOnAsItIsAndStoredIfComplete(
            Api api, String type, String body, Charset charset, String replay) {
        byte[] bytes = body.getBytes(charset);
        for (String framing : new String[] {"Content-Length: " + bytes.length, "Connection: close"}) {
            provider.does(call ->
                    call.write(head("200 OK", "Content-Type: " + type, framing)).write(bytes));
            String request = newRequest(false);
            Received miss = fetch(api, request);
            assertThat(miss.bytes()).isEqualTo(new String(bytes, StandardCharsets.ISO_8859_1));
            assertThat(miss.cut()).isFalse();
            assertThat(miss.header("Content-Type")).isEqualTo(type);
            assertThat(miss.header(WireTest.STATUS)).isEqualTo("MISS");
            Received second = fetch(api, request);
            assertThat(second.header("Content-Type")).isEqualTo(type);
            if (replay == null) {
                assertThat(second.header(WireTest.STATUS)).isEqualTo("MISS");
                assertThat(second.bytes()).isEqualTo(miss.bytes());
            } else {
                assertThat(second.header(WireTest.STATUS)).isEqualTo("HIT");
                assertThat(second.body())
                        .isEqualTo(replay.replace("\"ID\"", "\"" + second.header(WireTest.GENERATION) + "\""));
            }
        }
    }
}
