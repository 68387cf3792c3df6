package dev.refrain.http.proxy;

import dev.refrain.testing.SelfSigned;
import javax.net.ssl.SSLContext;

/** The same behind TLS. */
class ReusedConnectionTlsWireTest extends ReusedConnectionWireTest {
    private final SSLContext tls = SelfSigned.context();

    @Override
    SSLContext tls() {
        return tls;
    }

    /** Each is a handshake. */
    @Override
    int repeats() {
        return 60;
    }
}
