package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections to a provider that are used for more than one call. */
class ReusedConnectionWireTest extends ProviderFaults {
    private static final String ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
            + "47\r\n\r\n{\"id\":\"c\",\"choices\":[{\"finish_reason\":\"stop\"}]}";

    /** How often to look for a fault that failed one call in twelve. */
    int calls() {
        return 200;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aProviderThatClosesEachConnectionWithoutSayingSoFailsNothing(boolean caching) {
        provider.does(call -> call.write(ANSWER));
        for (int i = 0; i < calls(); i++) {
            Received answer = fetch(proxy.post(Api.CHAT.path, newRequest(false))
                    .setHeader("X-OpenRouter-Cache", String.valueOf(caching)));
            assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aCallThatMeetsAClosingConnectionIsMadeAgainOnAnother(boolean reset) {
        provider.does(call -> {
            if (call.isFirst()) {
                call.write(ANSWER).keepOpen();
            } else if (reset) {
                call.reset();
            }
        });
        for (int i = 0; i < 5; i++) {
            String request = newRequest(false);
            Received answer = fetch(Api.CHAT, request);
            assertThat(answer.status()).as(answer.body()).isEqualTo(200);
            assertThat(answer.header(WireTest.STATUS)).isEqualTo("MISS");
            assertThat(fetch(Api.CHAT, request).header(WireTest.STATUS)).isEqualTo("HIT");
        }
    }

    @Test
    void w31_butNotAThirdTimeNorOnANewConnection() {
        provider.does(call -> call.write(ANSWER).keepOpen());
        assertThat(fetch(Api.CHAT, newRequest(false)).status()).isEqualTo(200);
        provider.does(call -> {});
        int before = provider.calls();
        assertOwnError(Api.CHAT, fetch(Api.CHAT, newRequest(false)), 502, "try again");
        assertThat(provider.calls()).isEqualTo(before + 2);
        assertOwnError(Api.CHAT, fetch(Api.CHAT, newRequest(false)), 502, "try again");
        assertThat(provider.calls()).isEqualTo(before + 3);
    }

    /** What is left over of one answer must not be taken for the next one. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                ANSWER + "junk",
                ANSWER + ANSWER,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: "
                        + "X-End\r\n\r\n"
                        + "2f\r\n{\"id\":\"c\",\"choices\":[{\"finish_reason\":\"stop\"}]}\r\n0\r\nX-End: 1\r\n\r\n"
            })
    void w23_whatFollowsAnAnswerIsNoPartOfTheNext(String answer) {
        provider.does(call -> call.write(answer).keepOpen());
        assertThat(fetch(Api.CHAT, newRequest(false)).body())
                .isEqualTo("{\"id\":\"c\",\"choices\":[{\"finish_reason\":\"stop\"}]}");
        for (boolean streaming : new boolean[] {false, true}) {
            assertNothingIsLeft(Api.MESSAGES, newRequest(streaming), streaming);
        }
    }
}
