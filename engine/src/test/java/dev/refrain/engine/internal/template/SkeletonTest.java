package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Documents that are not kept in memory are metered all the same. */
class SkeletonTest {
    private static final MemoryBudget MEMORY = new MemoryBudget(1 << 30);

    private static final AnswerFacts FACTS = new AnswerFacts("c1", 9, 12, 21, AnswerFacts.UNKNOWN, "stop");
    private static final String END =
            "\"choices\":[{\"index\":0,\"message\":{\"deep\":[[1,{\"x\":\"]}\"}]]},\"finish_reason\":\"stop\"}],"
                    + "\"id\":\"c1\",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,"
                    + "\"details\":{\"n\":{\"m\":1}}}}";

    private static AnswerFacts count(String document) {
        AnswerCapture capture = AnswerCapture.counting(Endpoint.CHAT, false, MEMORY.open());
        capture.append(ByteBuffer.wrap(document.getBytes(StandardCharsets.UTF_8)));
        capture.end();
        return capture.facts();
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "ä", "\\u00e4", "\\n", "\\\\", "\\\"", "😀", "x\\ud83d\\ude00", "}", "]", ","})
    void textsAreCutBetweenTheirCharacters(String character) {
        for (int before = 0; before < 8; before++) {
            String text = "y".repeat(before) + character.repeat(400);
            assertThat(count("{\"a\":\"" + text + "\",\"" + "n".repeat(400) + "\":1," + END))
                    .isEqualTo(FACTS);
        }
    }

    @Test
    void deepAndLongPartsAreLeftOut() {
        Skeleton skeleton = new Skeleton(null);
        byte[] piece = "{\"embedding\":[0.1,0.2,{\"a\":[]}]},".repeat(1000).getBytes(StandardCharsets.UTF_8);
        skeleton.append(ByteBuffer.wrap("{\"data\":[".getBytes(StandardCharsets.UTF_8)));
        for (int i = 0; i < 200; i++) {
            skeleton.append(ByteBuffer.wrap(piece));
        }
        assertThat(skeleton.bytes().length()).isLessThan(700_000);
        AnswerFacts facts = count("{\"data\":[" + "{\"embedding\":[0.1,{\"a\":1}]},".repeat(50_000) + "{}]," + END);
        assertThat(facts.promptTokens()).isEqualTo(9);
        assertThat(facts.tokens()).isEqualTo(21);
    }

    @Property(tries = 200)
    void arbitraryBytesAreReadWithoutAnException(@ForAll byte[] bytes, @ForAll @IntRange(max = 300) int at) {
        byte[] document = ("{\"a\":\"b\"," + END).getBytes(StandardCharsets.UTF_8);
        System.arraycopy(
                bytes,
                0,
                document,
                Math.min(at, document.length),
                Math.min(bytes.length, Math.max(0, document.length - at)));
        AnswerCapture capture = AnswerCapture.counting(Endpoint.CHAT, false, MEMORY.open());
        capture.append(ByteBuffer.wrap(document));
        capture.append(ByteBuffer.wrap(bytes));
        capture.end();
        assertThat(capture.facts()).isNotNull();
    }
}
