package dev.refrain.http.proxy;

import com.openai.client.okhttp.OpenAIOkHttpClient;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509TrustManager;

/**
 * The transport between tests and their proxies. By default there is no TLS. {@code -Drefrain.wire=tls} uses TLS for
 * all of them; {@code h2} also uses HTTP/2, except in tests that write HTTP/1.1 themselves.
 */
final class Wire {
    static final boolean HTTP2 = "h2".equals(System.getProperty("refrain.wire"));
    static final boolean TLS = HTTP2 || "tls".equals(System.getProperty("refrain.wire"));

    private Wire() {}

    /** The certificate, and what uses it, created once for each JVM. */
    private static final class Made {
        static final SSLContext CONTEXT;
        static final X509TrustManager TRUST;
        static final Map<String, String> VARIABLES;

        static {
            try {
                Path folder = Files.createTempDirectory("refrain-wire");
                Path store = folder.resolve("keys.p12");
                Path certificate = folder.resolve("certificate.pem");
                Path key = folder.resolve("key.pem");
                SelfSigned.write(store);
                SelfSigned.writePem(store, certificate, key);
                CONTEXT = SelfSigned.context(store);
                TRUST = SelfSigned.trust(store);
                VARIABLES =
                        Map.of("REFRAIN_TLS_CERTIFICATE", certificate.toString(), "REFRAIN_TLS_KEY", key.toString());
                for (Path file : new Path[] {folder, store, certificate, key}) {
                    file.toFile().deleteOnExit();
                }
            } catch (IOException | GeneralSecurityException e) {
                throw new IllegalStateException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }
    }

    /** Environment variables for the proxy. */
    static Map<String, String> variables() {
        return TLS ? Made.VARIABLES : Map.of();
    }

    static String scheme() {
        return TLS ? "https" : "http";
    }

    static HttpClient.Version version() {
        return HTTP2 ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
    }

    /** A context that trusts these proxies. */
    static SSLContext context() throws GeneralSecurityException {
        return TLS ? Made.CONTEXT : SSLContext.getDefault();
    }

    /** A vendor's client for these proxies. With TLS, OkHttp is offered HTTP/2 and uses it. */
    static OpenAIOkHttpClient.Builder openAi() {
        OpenAIOkHttpClient.Builder client = OpenAIOkHttpClient.builder();
        return TLS ? client.sslSocketFactory(Made.CONTEXT.getSocketFactory()).trustManager(Made.TRUST) : client;
    }

    /** Environment variables that make a Node process trust these proxies. Node uses HTTP/1.1 only. */
    static Map<String, String> nodeVariables() {
        return TLS ? Map.of("NODE_EXTRA_CA_CERTS", Made.VARIABLES.get("REFRAIN_TLS_CERTIFICATE")) : Map.of();
    }

    /** The connection with the layer of TLS, if there is one. */
    static Socket over(Socket connected) throws IOException {
        if (!TLS) {
            return connected;
        }
        SSLSocket secure = (SSLSocket)
                Made.CONTEXT.getSocketFactory().createSocket(connected, "localhost", connected.getPort(), true);
        secure.startHandshake();
        return secure;
    }
}
