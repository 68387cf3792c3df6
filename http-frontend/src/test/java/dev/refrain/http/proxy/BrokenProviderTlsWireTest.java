package dev.refrain.http.proxy;

import dev.refrain.testing.SelfSigned;
import javax.net.ssl.SSLContext;

/** The faults of {@link BrokenProviderWireTest}, from a provider behind TLS. */
class BrokenProviderTlsWireTest extends BrokenProviderWireTest {
    private final SSLContext tls = SelfSigned.context();

    @Override
    SSLContext tls() {
        return tls;
    }
}
