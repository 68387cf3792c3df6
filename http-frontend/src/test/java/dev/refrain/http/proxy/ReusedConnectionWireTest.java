package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections to a provider that serve more than one call. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ReusedConnectionWireTest extends ProviderFaults {
    private static final String ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
            + "47\r\n\r\n{\"id\":\"c\",\"choices\":[{\"finish_reason\":\"stop\"}]}";

    /** Number of calls to make, enough to see again a fault that made one call in twelve fail. */
    int repeats() {
        return 200;
    }

    /** Runs first: the other tests teach the proxy that this provider keeps connections. */
    @Order(1)
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aProviderThatClosesConnectionsUnannouncedCausesNoFailure(boolean caching) {
        provider.does(call -> call.write(ANSWER));
        for (int i = 0; i < repeats(); i++) {
            Received answer = fetch(proxy.post(Api.CHAT.path, newRequest(false))
                    .setHeader("X-OpenRouter-Cache", String.valueOf(caching)));
            assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aConnectionThatWasClosedWhileIdleIsReplaced(boolean streaming) throws IOException {
        for (int i = 0; i < 5; i++) {
            provider.does(call -> call.write(ANSWER).keepOpen());
            assertThat(fetch(Api.CHAT, newRequest(streaming)).status()).isEqualTo(200);
            int before = provider.calls();
            provider.hangUp();
            Received answer = fetch(Api.CHAT, newRequest(streaming));
            assertThat(answer.status()).as(answer.body()).isEqualTo(200);
            assertThat(provider.calls()).isEqualTo(before + 1);
        }
    }

    /** Where the provider is in handling a request when it fails. */
    enum Stage {
        HEAD_READ,
        ALL_READ,
        AT_WORK,
        ANSWER_BEGUN
    }

    /** Every answer costs money, and a provider may have acted on any part of a request that it has read. */
    @ParameterizedTest
    @CsvSource({
        "HEAD_READ, false, false",
        "HEAD_READ, true, false",
        "HEAD_READ, false, true",
        "HEAD_READ, true, true",
        "ALL_READ, false, false",
        "ALL_READ, true, false",
        "ALL_READ, false, true",
        "ALL_READ, true, true",
        "AT_WORK, false, false",
        "AT_WORK, true, false",
        "AT_WORK, false, true",
        "AT_WORK, true, true",
        "ANSWER_BEGUN, false, false",
        "ANSWER_BEGUN, true, false",
        "ANSWER_BEGUN, false, true",
        "ANSWER_BEGUN, true, true"
    })
    void w31_aRequestThatTheProviderMayHaveReadIsNotSentAgain(Stage stage, boolean reset, boolean reused) {
        if (reused) {
            provider.does(call -> call.write(ANSWER).keepOpen());
            assertThat(fetch(Api.CHAT, newRequest(false)).status()).isEqualTo(200);
            awaitRest();
        }
        int before = provider.calls();
        int connections = provider.connections();
        provider.early(true).does(call -> {
            assertThat(call.isFirst()).isEqualTo(!reused);
            if (stage != Stage.HEAD_READ) {
                call.body();
            }
            if (stage == Stage.AT_WORK) {
                Thread.sleep(50); // the provider's work; no assertion depends on it
            }
            if (stage == Stage.ANSWER_BEGUN) {
                call.write("HTTP/1.1 200 OK\r\nContent-");
            }
            if (reset) {
                call.reset();
            }
        });
        try {
            if (!reused) {
                provider.hangUp();
            }
            assertOwnError(Api.CHAT, fetch(Api.CHAT, newRequest(false)), 502, "try again");
            assertThat(provider.calls()).isEqualTo(before + 1);
            assertThat(provider.connections()).isEqualTo(reused ? connections : connections + 1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            provider.early(false);
        }
        assertNothingIsLeft(Api.CHAT, newRequest(false), false);
    }

    /**
     * Waits in real time until a connection may be used again: that is after 100 ms, unless the provider is known to
     * keep connections. A longer wait on a slow machine does no harm.
     */
    private static void awaitRest() {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(101);
        while (System.nanoTime() - end < 0) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    /** Surplus bytes after one answer must not become part of the next one. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                ANSWER + "junk",
                ANSWER + ANSWER,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: "
                        + "X-End\r\n\r\n"
                        + "2f\r\n{\"id\":\"c\",\"choices\":[{\"finish_reason\":\"stop\"}]}\r\n0\r\nX-End: 1\r\n\r\n"
            })
    void w23_surplusBytesAreNoPartOfTheNextAnswer(String answer) {
        provider.does(call -> call.write(answer).keepOpen());
        assertThat(fetch(Api.CHAT, newRequest(false)).body())
                .isEqualTo("{\"id\":\"c\",\"choices\":[{\"finish_reason\":\"stop\"}]}");
        for (boolean streaming : new boolean[] {false, true}) {
            assertNothingIsLeft(Api.MESSAGES, newRequest(streaming), streaming);
        }
    }
}
