package dev.refrain.http.activity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.Endpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an answer cost, read while it passes by. */
class UsageTapTest {
    private static final String EVENTS = "text/event-stream; charset=utf-8";

    @ParameterizedTest
    @CsvSource({
        "CHAT, chat.json, 19, 10, stop",
        "CHAT, chat.sse, 19, 10, stop",
        "CHAT, chat-tools.json, 82, 17, tool_calls",
        "CHAT, chat-tools.sse, -1, -1, tool_calls",
        "MESSAGES, messages.json, 2095, 503, end_turn",
        "MESSAGES, messages.sse, 25, 15, end_turn",
        "MESSAGES, messages-tools.json, 472, 89, tool_use",
        "MESSAGES, messages-tools.sse, 472, 89, tool_use",
        "RESPONSES, responses.json, 36, 87, completed",
        "RESPONSES, responses.sse, 37, 11, completed",
        "EMBEDDINGS, embeddings.json, 8, 0,"
    })
    void readsTheVendorsOwnExamples(Endpoint endpoint, String file, long prompt, long completion, String reason) {
        byte[] answer = vendor(file);
        UsageTap tap = read(endpoint, file.endsWith(".sse") ? EVENTS : "application/json", answer, answer.length);
        assertThat(tap.promptTokens()).isEqualTo(prompt);
        assertThat(tap.completionTokens()).isEqualTo(completion);
        assertThat(tap.finishReason()).isEqualTo(reason);
        assertThat(tap.tokens()).isEqualTo(Math.max(0, prompt) + Math.max(0, completion));
    }

    @Property(tries = 200)
    void cutsMakeNoDifference(@ForAll @IntRange(min = 1, max = 40) int piece) {
        for (String file : new String[] {"chat.sse", "messages.sse", "responses.sse", "chat.json"}) {
            Endpoint endpoint =
                    Endpoint.valueOf(file.substring(0, file.indexOf('.')).toUpperCase(java.util.Locale.ROOT));
            byte[] answer = vendor(file);
            String type = file.endsWith(".sse") ? EVENTS : "application/json";
            UsageTap whole = read(endpoint, type, answer, answer.length);
            UsageTap cut = read(endpoint, type, answer, piece);
            assertThat(cut.promptTokens()).isEqualTo(whole.promptTokens()).isPositive();
            assertThat(cut.completionTokens()).isEqualTo(whole.completionTokens());
            assertThat(cut.finishReason()).isEqualTo(whole.finishReason()).isNotNull();
        }
    }

    @Property(tries = 500)
    void takesAnything(@ForAll @Size(max = 300) byte[] bytes, @ForAll @IntRange(min = 1, max = 50) int piece) {
        for (Endpoint endpoint : Endpoint.values()) {
            read(endpoint, EVENTS, bytes, piece);
            read(endpoint, "application/json", bytes, piece);
        }
    }

    @Property(tries = 300)
    void takesDamagedAnswers(
            @ForAll @IntRange(max = 1000) int at, @ForAll byte value, @ForAll @IntRange(max = 1000) int length) {
        byte[] answer = vendor("messages.sse");
        answer[at % answer.length] = value;
        UsageTap tap = read(Endpoint.MESSAGES, EVENTS, Arrays.copyOf(answer, Math.min(answer.length, length)), 7);
        assertThat(tap.promptTokens()).isGreaterThanOrEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{\"choices\":[{\"message\":{\"content\":\"\\\"usage\\\":{\\\"prompt_tokens\\\":5}\"}}]}|-1",
                "{\"choices\":[{\"usage\":{\"prompt_tokens\":5}}]}|-1",
                "{\"usage\":\"none\"}|-1",
                "{\"usage\":{\"prompt_tokens\":\"5\"}}|-1",
                "{\"usage\":{\"prompt_tokens\":1e99}}|-1",
                "{\"usage\":{\"prompt_tokens\":99999999999999999999}}|-1",
                "{\"usage\":{\"prompt_tokens\":-5}}|0",
                "{\"usage\" : {\"details\":{\"prompt_tokens\":7},\"prompt_tokens\":5}}|5",
                "{\"a\":[[[[[[{\"usage\":{\"prompt_tokens\":9}}]]]]]],\"usage\":{\"prompt_tokens\":5}}|5",
                "{\"choices\":[],\"a name that is longer than all that are wanted\":{\"usage\":{\"prompt_tokens\":9}}}|-1",
                "{\"\\u0075sage\":{\"prompt_tokens\":5}}|-1"
            })
    void onlyTheAnswersOwnUsageCounts(String answer, long prompt) {
        byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
        assertThat(read(Endpoint.CHAT, "application/json", bytes, 3).promptTokens())
                .isEqualTo(prompt);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r\n", "\r"})
    void anEventsDataMayStandInSeveralLines(String lineEnd) {
        String event =
                String.join(lineEnd, "data:{", "data: \"usage\":", ": c", "data: {\"prompt_tokens\":5}}", "", "");
        byte[] bytes = ("id: 1" + lineEnd + event + event).getBytes(StandardCharsets.UTF_8);
        assertThat(read(Endpoint.CHAT, EVENTS, bytes, 2).promptTokens()).isEqualTo(5);
    }

    @Test
    void holdsLittleHoweverLongTheAnswer() {
        UsageTap tap = new UsageTap(Endpoint.CHAT);
        tap.head("application/json", null);
        byte[] text = new byte[1 << 20];
        Arrays.fill(text, (byte) 'x');
        tap.chunk(ascii("{\"usage\":{\"prompt_tokens\":1,\"x\":\""));
        for (int i = 0; i < 64; i++) {
            tap.chunk(ByteBuffer.wrap(text));
        }
        tap.chunk(ascii("\"},\"id\":\""));
        for (int i = 0; i < 64; i++) {
            tap.chunk(ByteBuffer.wrap(text));
        }
        tap.chunk(ascii("\",\"usage\":{\"prompt_tokens\":5}}"));
        assertThat(tap.promptTokens()).isEqualTo(5);
    }

    @Test
    void whatIsCodedIsNotLookedAt() {
        UsageTap tap = new UsageTap(Endpoint.CHAT);
        tap.head("application/json", "br");
        tap.chunk(ascii("{\"usage\":{\"prompt_tokens\":5}}"));
        assertThat(tap.promptTokens()).isEqualTo(Activity.UNKNOWN);
    }

    @Test
    void leavesTheBufferAlone() {
        ByteBuffer bytes = ByteBuffer.wrap(vendor("chat.json")).asReadOnlyBuffer();
        bytes.position(3);
        UsageTap tap = new UsageTap(Endpoint.CHAT);
        tap.head("application/json", null);
        tap.chunk(bytes);
        assertThat(bytes.position()).isEqualTo(3);
    }

    private static UsageTap read(Endpoint endpoint, String type, byte[] answer, int piece) {
        UsageTap tap = new UsageTap(endpoint);
        tap.head(type, null);
        for (int at = 0; at < answer.length; at += piece) {
            tap.chunk(ByteBuffer.wrap(answer, at, Math.min(piece, answer.length - at)));
        }
        tap.ended();
        return tap;
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] vendor(String file) {
        try {
            return Files.readAllBytes(Path.of("src/test/resources/vendor", file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
