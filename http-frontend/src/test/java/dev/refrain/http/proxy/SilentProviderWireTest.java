package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Providers that stop sending and keep the connection (wire rules W16 and W31). */
class SilentProviderWireTest extends ProviderFaults {
    private static final String EVENT = "data: {\"id\":\"c1\"}\n\n";

    private final CountDownLatch answered = new CountDownLatch(1);

    @Override
    Map<String, String> settings() {
        return Map.of(
                "REFRAIN_LIMITS_UPSTREAM_CALLS", "1",
                "REFRAIN_TIMEOUTS_RESPONSE", "300ms",
                "REFRAIN_TIMEOUTS_IDLE", "300ms");
    }

    @ParameterizedTest
    @EnumSource(Api.class)
    void w31_aProviderThatNeverAnswersIs504(Api api) throws InterruptedException {
        boolean streaming = api == Api.RESPONSES;
        CountDownLatch released = new CountDownLatch(1);
        provider.does(call -> {
            call.awaitHangUp();
            released.countDown();
        });
        String request = newRequest(streaming);
        assertOwnError(api, fetch(api, request), 504, "did not answer within 300 ms");
        assertThat(released.await(20, TimeUnit.SECONDS)).isTrue();
        assertNothingIsLeft(api, request, streaming);
    }

    @ParameterizedTest
    @CsvSource({"half a head,'HTTP/1.1 200 OK\r\nContent-'", "only 1xx,'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'"
    })
    void w31_aProviderThatSendsNoWholeHeadIs504(String name, String bytes) {
        provider.does(call -> call.write(bytes).awaitHangUp());
        String request = newRequest(true);
        assertOwnError(Api.MESSAGES, fetch(Api.MESSAGES, request), 504, "did not answer within 300 ms");
        assertNothingIsLeft(Api.MESSAGES, request, true);
    }

    /** After the provider's answer, the rest of the request is useless. */
    @Test
    void anAnswerToALongRequestThatIsNotReadIsPassedOn() {
        provider.early(true).does(call -> {
            call.write(head("413 Too Long", "Content-Type: application/json", "Content-Length: 2") + "{}");
            answered.await();
        });
        String request = "{\"x\":\"" + "y".repeat(7_000_000) + "\"}";
        Received answer = fetch(Api.CHAT, request);
        answered.countDown();
        assertThat(answer.status()).isEqualTo(413);
        assertThat(answer.body()).isEqualTo("{}");
        provider.early(false);
        assertNothingIsLeft(Api.CHAT, newRequest(false), false);
    }

    @Test
    void w31_aDocumentThatStallsBeforeItsFirstByteIs504() {
        provider.does(call -> call.write(head("200 OK", "Content-Type: application/json", "Content-Length: 20"))
                .awaitHangUp());
        String request = newRequest(false);
        assertOwnError(Api.RESPONSES, fetch(Api.RESPONSES, request), 504, "sent nothing more for 300 ms");
        assertNothingIsLeft(Api.RESPONSES, request, false);
    }

    @ParameterizedTest
    @CsvSource({
        "false, Content-Length: 99, '{\"id\":\"c1\",'",
        "false, Content-Length: 12, '{\"id\":\"c1\"}'",
        "false, Transfer-Encoding: chunked, ''",
        "true, Content-Length: 99, ''",
        "true, Transfer-Encoding: chunked, ''",
        "true, Transfer-Encoding: chunked, '" + EVENT + "'",
        "true, Transfer-Encoding: chunked, '" + EVENT + "data: [DONE]\n'"
    })
    void w16_anAnswerThatStallsIsCutAndNotStored(boolean streaming, String framing, String part) {
        // The head of a document waits for its id.
        boolean headSeen = streaming || !part.isEmpty();
        provider.does(call -> {
            call.write(
                    head("200 OK", "Content-Type: " + (streaming ? "text/event-stream" : "application/json"), framing));
            if (!part.isEmpty()) {
                call.write(framing.contains("chunked") ? Integer.toHexString(part.length()) + "\r\n" + part : part);
            }
            call.awaitHangUp();
        });
        String request = newRequest(streaming);
        Received answer = fetch(Api.CHAT, request);
        if (headSeen) {
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.body()).isEqualTo(part);
            assertThat(answer.cut()).isTrue();
        } else {
            assertOwnError(Api.CHAT, answer, 504, "sent nothing more");
        }
        assertNothingIsLeft(Api.CHAT, request, streaming);
    }

    /** One chunk of more than 2 GiB. */
    @Test
    void aChunkSizeBeyondAnIntIsReadAsItIs() {
        provider.does(call -> call.write(head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
                        + "180000000\r\n" + EVENT)
                .awaitHangUp());
        String request = newRequest(true);
        Received answer = fetch(Api.CHAT, request);
        assertThat(answer.body()).isEqualTo(EVENT);
        assertThat(answer.cut()).isTrue();
        assertNothingIsLeft(Api.CHAT, request, true);
    }

    @Test
    void w16_aStreamThatIsNotClosedAfterItsTerminalEventIsStored() {
        String stream = EVENT + "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        provider.does(call -> call.write(head("200 OK", "Content-Type: text/event-stream") + stream)
                .awaitHangUp());
        String request = newRequest(true);
        Received answer = fetch(Api.CHAT, request);
        assertThat(answer.body()).isEqualTo(stream);
        assertThat(answer.cut()).isTrue();
        assertThat(fetch(Api.CHAT, request).header(WireTest.STATUS)).isEqualTo("HIT");
    }
}
