package dev.refrain.http.proxy;

import dev.refrain.testing.Http2Provider;
import dev.refrain.testing.Http2Provider.Connection;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import javax.net.ssl.SSLContext;

/** Shared by the tests of a provider's faults over HTTP/2: each fault affects streams of one connection. */
abstract class Http2Faults extends ProviderFaults {
    /**
     * What the provider does with one request. If the fault is an incomplete answer, this method must also end it, such
     * as by {@link HangUp}.
     */
    @FunctionalInterface
    interface Fault {
        void answer(Connection connection, int stream) throws IOException, InterruptedException;
    }

    /** Thrown to close the provider's connection. */
    static final class HangUp extends IOException {
        private static final long serialVersionUID = 1L;
    }

    private volatile Fault fault;
    Http2Provider http2;

    @Override
    SSLContext tls() {
        return Http2Provider.TLS;
    }

    @Override
    URI startProvider() throws IOException {
        http2 = new Http2Provider(connection -> {
            connection.greet();
            while (true) {
                int stream = connection.request().stream();
                fault.answer(connection, stream);
            }
        });
        return http2.base();
    }

    @Override
    void stopProvider() throws IOException {
        http2.close();
    }

    void does(Fault next) {
        fault = next;
    }

    @Override
    void beWell(Api api, boolean streaming) {
        fault = wellAnswered(streaming ? "text/event-stream" : "application/json", api.goodAnswer(streaming));
    }

    private static Fault wellAnswered(String type, String body) {
        return (connection, stream) -> connection
                .headers(stream, false, ":status", "200", "content-type", type)
                .data(stream, true, body.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    int calls() {
        return http2.requests.get();
    }

    @Override
    Map<String, String> settings() {
        return Map.of("REFRAIN_TIMEOUTS_RESPONSE", "10s", "REFRAIN_TIMEOUTS_IDLE", "10s");
    }
}
