package dev.refrain.http.proxy;

import dev.refrain.http.config.Settings;
import dev.refrain.http.server.ServerTls;
import dev.refrain.http.upstream.ProxyRules;
import dev.refrain.semantics.tls.TlsFiles;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How clients reach the server, and the server providers, as the settings have it. Stateless. */
final class Entrances {
    private static final Logger LOG = LoggerFactory.getLogger(Entrances.class);

    private Entrances() {}

    /** TLS to clients; null for HTTP without it. */
    static ServerTls tls(Settings settings) throws IOException {
        Settings.Tls files = settings.tls();
        return files.certificate() == null
                ? null
                : new ServerTls(files.certificate(), files.key(), files.clientCaFile());
    }

    /** TLS to providers; null for the JVM's own. */
    static SSLContext upstreamTls(Settings settings) throws IOException {
        Settings.UpstreamTls files = settings.upstreamTls();
        return files.caFile() == null && files.clientCertificate() == null
                ? null
                : TlsFiles.context(files.caFile(), files.clientCertificate(), files.clientKey());
    }

    /** HTTP proxies to providers. */
    static ProxyRules proxies(Settings settings) {
        Settings.Proxy proxy = settings.proxy();
        return new ProxyRules(proxy.http(), proxy.https(), proxy.direct() == null ? "" : proxy.direct());
    }

    /** Says so if nothing keeps strangers out, or what clients send secret. */
    static void warnIfOpen(Settings settings, String url) throws IOException {
        List<String> open = new ArrayList<>();
        if (settings.access().allowed().isEmpty()) {
            open.add("Whoever reaches it can use it: set access.keys.");
        }
        if (settings.tls().certificate() == null) {
            open.add("API keys and prompts cross the network in the clear: set tls.certificate and tls.key.");
        }
        if (!open.isEmpty() && !InetAddress.getByName(settings.host()).isLoopbackAddress()) {
            LOG.warn("{} is open to the network. {}", url, String.join(" ", open));
        }
    }
}
