package dev.refrain.cassettes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How the first difference between two requests is described. */
class DifferenceTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{\"a\":1} | {\"a\":2} | $.a: recorded \"2\", asked \"1\"",
                "{\"a\":[{\"b\":\"x\"}]} | {\"a\":[{\"b\":\"y\"}]} | $.a[0].b: recorded \"y\", asked \"x\"",
                "{\"a\":1,\"b\":2} | {\"a\":1} | $.b is not in the recording; asked \"2\"",
                "{\"a\":1} | {\"a\":1,\"b\":[1]} | $.b is missing; recorded \"[1]\"",
                "{\"a\":[1]} | {\"a\":[1,2]} | $.a has 1 items, and 2 in the recording",
                "{\"a b\":true} | {\"a b\":null} | $['a b']: recorded \"null\", asked \"true\"",
                "{\"a\":[]} | {\"a\":{}} | $.a: recorded \"{}\", asked \"[]\"",
                "{\"a\":\"1\"} | {\"a\":1} | $.a: recorded \"1\", asked \"1\""
            })
    void theFirstPlaceIsNamed(String asked, String recorded, String difference) throws IOException {
        assertThat(first(asked, recorded)).isEqualTo(difference);
    }

    private static String first(String asked, String recorded) throws IOException {
        return Difference.first(RecordingFileTest.request(asked), RecordingFileTest.request(recorded), KeyRules.NONE);
    }

    @Test
    void aLongTextIsShownAroundTheDifference() throws IOException {
        String text = "Once upon a time there was a prompt of some length. ".repeat(20);
        String difference = first("{\"p\":\"" + text + "cat" + text + "\"}", "{\"p\":\"" + text + "dog" + text + "\"}");
        assertThat(difference)
                .startsWith("$.p from character 1041 on: recorded \"...")
                .contains(" length. dogOnce upon")
                .contains(" length. catOnce upon");
        assertThat(difference.length()).isLessThan(300);
    }

    @Test
    void whatDoesNotCountIsNoDifference() throws IOException {
        assertThat(Difference.first(
                        RecordingFileTest.request("{\"user\":\"a\",\"m\":{\"s\":1,\"t\":1}}"),
                        RecordingFileTest.request("{\"m\":{\"s\":2,\"t\":3},\"user\":\"b\"}"),
                        KeyRules.NONE.ignoring(List.of("user", "m.s"))))
                .isEqualTo("$.m.t: recorded \"3\", asked \"1\"");
    }

    @Test
    void aMemberThatDoesNotCountMayHaveAnyName() throws IOException {
        assertThat(Difference.first(
                        RecordingFileTest.request("{\"m\":{\"user-id\":1},\"z\":[{\"a\":1}]}"),
                        RecordingFileTest.request("{\"m\":{\"user-id\":2},\"z\":[{\"a\":2}]}"),
                        KeyRules.NONE.ignoring(List.of("m.user-id", "a"))))
                .isEqualTo("$.z[0].a: recorded \"2\", asked \"1\"");
    }

    @Test
    void whatStandsBesideTheBodyIsNamed() throws IOException {
        RecordedRequest one = RecordingFileTest.request("{}");
        RecordedRequest sample = new RecordedRequest(Endpoint.CHAT, "", "", "", List.of(), 2, one.body());
        RecordedRequest query = new RecordedRequest(Endpoint.CHAT, "", "", "v=1", List.of(), -1, one.body());
        RecordedRequest beta =
                new RecordedRequest(Endpoint.CHAT, "", "", "", List.of("openai-beta: x"), -1, one.body());
        assertThat(Difference.first(sample, one, KeyRules.NONE))
                .isEqualTo("X-Refrain-Sample: recorded \"none\", asked \"2\"");
        assertThat(Difference.first(query, one, KeyRules.NONE)).isEqualTo("the query: recorded \"\", asked \"v=1\"");
        assertThat(Difference.first(one, beta, KeyRules.NONE))
                .isEqualTo("the header fields of the key: recorded \"[openai-beta: x]\", asked \"[]\"");
    }

    @Test
    void theNearestHasMostInCommon() throws IOException {
        RecordedRequest asked = RecordingFileTest.request("{\"model\":\"a\",\"p\":\"What is the capital of France?\"}");
        double near = Difference.likeness(
                asked, RecordingFileTest.request("{\"model\":\"a\",\"p\":\"What is the capital of Spain?\"}"));
        double far = Difference.likeness(asked, RecordingFileTest.request("{\"model\":\"a\",\"p\":\"Sing a song\"}"));
        assertThat(near).isGreaterThan(far).isLessThan(1);
        assertThat(Difference.likeness(asked, asked)).isEqualTo(1);
    }
}
