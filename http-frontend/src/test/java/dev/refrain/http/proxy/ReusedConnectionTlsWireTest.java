package dev.refrain.http.proxy;

import dev.refrain.testing.SelfSigned;
import javax.net.ssl.SSLContext;

/** The tests of {@link ReusedConnectionWireTest}, with a provider behind TLS. */
class ReusedConnectionTlsWireTest extends ReusedConnectionWireTest {
    private final SSLContext tls = SelfSigned.context();

    @Override
    SSLContext tls() {
        return tls;
    }

    /** Fewer calls than without TLS, because each connection needs a handshake. */
    @Override
    int repeats() {
        return 60;
    }
}
