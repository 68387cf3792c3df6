package dev.refrain.http.proxy;

import io.undertow.util.HttpString;
import io.undertow.util.Protocols;
import java.util.Map;

/** The tests of {@link TlsProviderWireTest}, with HTTP/2 turned off. */
class TlsProviderHttp1WireTest extends TlsProviderWireTest {
    @Override
    Map<String, String> variables() {
        return Map.of("REFRAIN_UPSTREAM_HTTP2", "false");
    }

    @Override
    HttpString protocol() {
        return Protocols.HTTP_1_1;
    }
}
