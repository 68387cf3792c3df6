package dev.refrain.http.proxy;

import dev.refrain.testing.SelfSigned;
import javax.net.ssl.SSLContext;

/** The websockets of {@link TunnelWireTest}, to a provider behind TLS. */
class TunnelTlsWireTest extends TunnelWireTest {
    private final SSLContext tls = SelfSigned.context();

    @Override
    SSLContext tls() {
        return tls;
    }
}
