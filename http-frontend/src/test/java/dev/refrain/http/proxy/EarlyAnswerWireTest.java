package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Providers that answer before they have read the request. */
class EarlyAnswerWireTest extends ProviderFaults {
    private static final String REFUSAL = "{\"error\":{\"message\":\"too much\"}}";

    @BeforeAll
    void answerEarly() {
        provider.early(true);
    }

    @ParameterizedTest
    @CsvSource({"10, false", "10, true", "7000000, false", "7000000, true"})
    void w23_anAnswerMayComeBeforeTheRequestIsRead(int length, boolean readsOn) {
        provider.does(call -> {
            call.write(head("413 Too Large", "Content-Type: application/json", length(REFUSAL), "Connection: close")
                    + REFUSAL);
            if (readsOn) {
                call.body();
            }
        });
        Received answer = fetch(Api.CHAT, "{\"x\":\"" + "y".repeat(length) + "\"}");
        if (readsOn || answer.status() != 502) {
            assertThat(answer.status()).as(answer.body()).isEqualTo(413);
            assertThat(answer.body()).isEqualTo(REFUSAL);
        } else {
            // The provider's kernel resets the connection for unread bytes, and the reset may overtake the answer.
            assertOwnError(Api.CHAT, answer, 502, "broke off");
        }
        assertNothingIsLeft(Api.CHAT, newRequest(false), false);
    }
}
