package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.template.AnswerCapture.State;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The setting {@code replay.zero} (wire rule W25). */
class ZeroPathsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                // The places of the default setting.
                "default|{'x_groq':{'id':1,'usage':{'a':1.5,'b':[2,{'c':3}],'d':'4'}}}|{'x_groq':{'id':1,"
                        + "'usage':{'a':0,'b':[0,{'c':0}],'d':'4'}}}",
                "default|{'copilot_usage':{'total_nano_aiu':-7e3}}|{'copilot_usage':{'total_nano_aiu':0}}",
                "default|{'provider_metadata':{'p':{'usage':{'a':1}}}}|{'provider_metadata':{'p':{'usage':{'a':0}}}}",
                "default|{'provider_metadata':{'p':{'x':{'usage':9}},"
                        + "'usage':8}}|{'provider_metadata':{'p':{'x':{'usage':0}},'usage':0}}",
                "default|{'m':[{'n':{'provider_metadata':{'p':{'usage':1,"
                        + "'n':2}}}}]}|{'m':[{'n':{'provider_metadata':{'p':{'usage':0,'n':2}}}}]}",
                // No other places.
                "default|{'usages':1,'a':{'usage':2},'x_groq':7,'x':{'x_groq':{'usage':3}},'cost':4}|{'usages':1,"
                        + "'a':{'usage':2},'x_groq':7,'x':{'x_groq':{'usage':3}},'cost':4}",
                "cost|{'cost':0.25,'a':{'cost':1},'costs':2}|{'cost':0,'a':{'cost':1},'costs':2}",
                "a.*|{'a':{'b':1,'c':{'d':2}},'b':3}|{'a':{'b':0,'c':{'d':0}},'b':3}",
                "*.t|{'t':1,'a':[{'t':2}],'b':{'c':{'t':{'x':3}}}}|{'t':0,'a':[{'t':0}],'b':{'c':{'t':{'x':0}}}}",
                "a.b.c|{'a':{'b':{'c':1,'d':2},'c':3}}|{'a':{'b':{'c':0,'d':2},'c':3}}",
                "usage.x|{'usage':{'x':1,'y':2}}|{'usage':{'x':0,'y':0}}",
                "x_groq|{'x_groq':{'n':1,'usage':{'total_tokens':2}}}|{'x_groq':{'n':0,'usage':{'total_tokens':0}}}",
                "created|{'created':5}|{'created':TIME}"
            })
    void w25_numbersAtTheNamedPlacesBecomeZero(String paths, String answer, String hit) {
        ZeroPaths zero = paths.equals("default") ? Sample.ZERO : new ZeroPaths(List.of(paths));
        assertThat(replay(Endpoint.CHAT, false, complete(answer), zero))
                .isEqualTo(complete(hit).replace("TIME", Sample.TIME));
    }

    private static String complete(String answer) {
        return answer.substring(0, answer.length() - 1).replace('\'', '"') + Sample.COMPLETE;
    }

    private static String replay(Endpoint endpoint, boolean streaming, String answer, ZeroPaths zero) {
        AnswerCapture capture = AnswerCapture.of(endpoint, streaming, Sample.LIMIT, zero, Sample.unlimited());
        capture.append(Sample.utf8(answer));
        assertThat(capture.end()).as(capture.rejection()).isEqualTo(State.COMPLETE);
        return Sample.replay(capture.template());
    }

    /** In events, paths begin at the top and at the answer that the event wraps, in whatever order members come. */
    @Test
    void w25_pathsOfEventsBeginAtTheTopAndInTheAnswer() {
        ZeroPaths cost = new ZeroPaths(List.of("cost"));
        String messages = "data: {\"message\":{\"cost\":1,\"usage\":{\"n\":2}},\"cost\":3,\"usage\":{\"n\":4},"
                + "\"type\":\"ping\"}\n\n"
                + Sample.ending(Endpoint.MESSAGES);
        assertThat(replay(Endpoint.MESSAGES, true, messages, cost))
                .isEqualTo(messages.replace("\"cost\":1", "\"cost\":0").replace("\"cost\":3", "\"cost\":0"));
        String responses = "data: {\"type\":\"x\",\"response\":{\"cost\":1,\"a\":{\"cost\":2}}}\n\n"
                + Sample.ending(Endpoint.RESPONSES);
        assertThat(replay(Endpoint.RESPONSES, true, responses, cost))
                .isEqualTo(responses.replace("\"cost\":1", "\"cost\":0"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "*", "*.*", "a..b", ".a", "a."})
    void anInvalidPathIsRefused(String path) {
        assertThatThrownBy(() -> new ZeroPaths(List.of(path)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"" + path + "\"");
    }

    @Test
    void atMost64NamesAreAllowedInAll() {
        new ZeroPaths(Collections.nCopies(32, "a"));
        assertThatThrownBy(() -> new ZeroPaths(Collections.nCopies(33, "a")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("too many");
    }
}
