package dev.refrain.http.proxy;

import dev.refrain.testing.Http2Provider;
import dev.refrain.testing.Http2Provider.Connection;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import javax.net.ssl.SSLContext;

/** What the tests share of a provider's faults over HTTP/2: whatever it does, it does to streams of one connection. */
abstract class Http2Faults extends ProviderFaults {
    /** What goes out for one request. An answer that is not complete has to be ended in some way. */
    @FunctionalInterface
    interface Fault {
        void answer(Connection connection, int stream) throws IOException, InterruptedException;
    }

    /** Ends a connection of the provider's. */
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
