package dev.refrain.semantics.tls;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.SelfSigned;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsFilesTest {
    @TempDir
    Path folder;

    /** A client may create a session with each handshake, and each would stay for a day. */
    @Test
    void f17_sessionsOfClientsAreBounded() throws Exception {
        Path store = folder.resolve("keys.p12");
        Path certificate = folder.resolve("certificate.pem");
        Path key = folder.resolve("key.pem");
        SelfSigned.write(store);
        SelfSigned.writePem(store, certificate, key);
        SSLContext context = TlsFiles.ofServer(certificate, key, null);
        assertThat(context.getServerSessionContext().getSessionCacheSize())
                .isEqualTo(TlsFiles.sessions(Runtime.getRuntime().maxMemory()));
        assertThat(TlsFiles.sessions(64 << 20)).isEqualTo(1024);
        assertThat(TlsFiles.sessions(1 << 20)).isEqualTo(100);
        assertThat(TlsFiles.sessions(64L << 30)).isEqualTo(20_480);
    }
}
