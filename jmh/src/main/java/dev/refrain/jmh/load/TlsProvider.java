package dev.refrain.jmh.load;

import dev.refrain.testing.SelfSigned;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpHandler;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.Map;
import org.xnio.Options;

/** A provider behind TLS, with a self-signed certificate for its clients to trust. */
final class TlsProvider implements AutoCloseable {
    private static final int CONNECTIONS = 4096;

    private final Path folder = Files.createTempDirectory("refrain-tls");
    private final Path keys = folder.resolve("keys.p12");
    private final Undertow server;

    /** @param offersHttp2 whether it offers HTTP/2, with 100 streams on a connection, beside HTTP/1.1 */
    TlsProvider(boolean offersHttp2, HttpHandler handler)
            throws IOException, InterruptedException, GeneralSecurityException {
        SelfSigned.write(keys);
        server = Undertow.builder()
                .setServerOption(UndertowOptions.ENABLE_HTTP2, offersHttp2)
                .setServerOption(UndertowOptions.HTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100)
                .setSocketOption(Options.BACKLOG, CONNECTIONS)
                .addHttpsListener(0, "127.0.0.1", SelfSigned.context(keys))
                .setHandler(handler)
                .build();
        server.start();
    }

    int port() {
        return ((InetSocketAddress) server.getListenerInfo().get(0).getAddress()).getPort();
    }

    /** Environment variables that make a JVM trust the provider. */
    Map<String, String> trust() {
        return trust(keys);
    }

    static Map<String, String> trust(Path keys) {
        return Map.of(
                "JAVA_TOOL_OPTIONS",
                "-Djavax.net.ssl.trustStore=" + keys + " -Djavax.net.ssl.trustStorePassword=" + SelfSigned.PASSWORD);
    }

    /** Its certificate as PEM. */
    String certificate() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(keys)) {
            store.load(in, SelfSigned.PASSWORD.toCharArray());
        }
        String base64 = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(store.getCertificate("provider").getEncoded());
        return "-----BEGIN CERTIFICATE-----\n" + base64 + "\n-----END CERTIFICATE-----\n";
    }

    @Override
    public void close() throws IOException {
        server.stop();
        Files.deleteIfExists(keys);
        Files.delete(folder);
    }
}
