package dev.refrain.http.config;

import dev.refrain.semantics.tls.TlsFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Checks that the files which settings name can be used, before a start. Stateless. */
final class UsedFiles {
    private UsedFiles() {}

    private interface Use {
        void run() throws IOException;
    }

    static void check(Settings settings) throws WrongSettings {
        List<String> faults = new ArrayList<>();
        TlsSettings tls = settings.tls();
        if (tls.certificate() != null) {
            check("tls", () -> TlsFiles.ofServer(tls.certificate(), tls.key(), tls.clientCaFile()), faults);
        }
        UpstreamTlsSettings providers = settings.upstreamTls();
        check(
                "upstream-tls",
                () -> TlsFiles.context(providers.caFile(), providers.clientCertificate(), providers.clientKey()),
                faults);
        UpstreamTlsSettings shared = settings.sharedTls();
        checkReadable("shared-tls.ca-file", shared.caFile(), faults);
        checkReadable("shared-tls.client-certificate", shared.clientCertificate(), faults);
        checkReadable("shared-tls.client-key", shared.clientKey(), faults);
        checkReadable("shared.secret-file", settings.shared().secretFile(), faults);
        if (!faults.isEmpty()) {
            throw new WrongSettings(faults);
        }
    }

    private static void checkReadable(String name, Path file, List<String> faults) {
        if (file != null && !Files.isReadable(file)) {
            faults.add(name + ": " + file + " does not exist, or may not be read");
        }
    }

    private static void check(String name, Use use, List<String> faults) {
        try {
            use.run();
        } catch (IOException e) {
            faults.add(name + ": " + e.getMessage());
        }
    }
}
