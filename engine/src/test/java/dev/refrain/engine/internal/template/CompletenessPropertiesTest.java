package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.template.AnswerCapture.State;
import dev.refrain.engine.internal.template.WholeAnswers.Answer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Wire rule W16: every whole answer counts as complete, and no answer that is broken in one place does. */
class CompletenessPropertiesTest {
    @Property(tries = 2000)
    void w16_everyWholeAnswerIsComplete(@ForAll("whole") Answer answer, @ForAll Random cuts) {
        AnswerCapture capture = read(answer, cuts);
        assertThat(capture.state())
                .as("%s: %s%n%s", answer.how(), capture.rejection(), answer.text())
                .isEqualTo(State.COMPLETE);
        assertThat(capture.rejection()).isNull();
    }

    @Property(tries = 4000)
    void w16_f9_noBrokenAnswerIsComplete(@ForAll("broken") Answer answer, @ForAll Random cuts) {
        AnswerCapture capture = read(answer, cuts);
        assertThat(capture.state()).as("%s:%n%s", answer.how(), answer.text()).isEqualTo(State.REJECTED);
        assertThat(capture.rejection()).isNotBlank();
    }

    /** A cut answer could be stored at any moment, so it must never look complete. */
    @Property(tries = 1000)
    void w16_noAnswerIsCompleteBeforeItsEnd(@ForAll("whole") Answer answer, @ForAll Random cuts) {
        byte[] bytes = answer.text().getBytes(StandardCharsets.UTF_8);
        AnswerCapture capture =
                AnswerCapture.of(answer.endpoint(), answer.streaming(), Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        int end = answer.streaming() ? lastEvent(answer) : bytes.length;
        capture.append(ByteBuffer.wrap(bytes, 0, cuts.nextInt(end + 1)));
        assertThat(capture.state()).as("%s:%n%s", answer.how(), answer.text()).isEqualTo(State.OPEN);
    }

    /** Offset in bytes of the last event's data; the answer's length if that event is not a terminal one. */
    private static int lastEvent(Answer answer) {
        String text = answer.text();
        int at = text.lastIndexOf("data:");
        return answer.how().equals("whole")
                ? text.substring(0, at).getBytes(StandardCharsets.UTF_8).length
                : text.getBytes(StandardCharsets.UTF_8).length;
    }

    private static AnswerCapture read(Answer answer, Random cuts) {
        byte[] bytes = answer.text().getBytes(StandardCharsets.UTF_8);
        AnswerCapture capture =
                AnswerCapture.of(answer.endpoint(), answer.streaming(), Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        for (int at = 0; at < bytes.length; ) {
            int length = Math.min(bytes.length - at, 1 + cuts.nextInt(200));
            capture.append(ByteBuffer.wrap(bytes, at, length));
            at += length;
        }
        capture.end(answer.inGoodOrder());
        return capture;
    }

    @Provide
    Arbitrary<Answer> whole() {
        return Arbitraries.randomValue(random -> {
            Endpoint endpoint = pick(random);
            WholeAnswers answers = new WholeAnswers(random, endpoint);
            return endpoint == Endpoint.EMBEDDINGS || random.nextBoolean() ? answers.document() : answers.stream();
        });
    }

    @Provide
    Arbitrary<Answer> broken() {
        return Arbitraries.randomValue(random -> {
            Endpoint endpoint = pick(random);
            WholeAnswers answers = new WholeAnswers(random, endpoint);
            return endpoint == Endpoint.EMBEDDINGS || random.nextBoolean()
                    ? answers.brokenDocument()
                    : answers.brokenStream();
        });
    }

    private static Endpoint pick(Random random) {
        return List.of(Endpoint.values()).get(random.nextInt(Endpoint.values().length));
    }
}
