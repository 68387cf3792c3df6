package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Path;

/**
 * TLS to clients, from files in PEM, which are read again when they change.
 *
 * @param certificate the server's certificate, followed by those of its issuers, or null for HTTP without TLS
 * @param key private key of the certificate, or null
 * @param clientCaFile issuers of the certificates that clients must present, or null if they need none
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record TlsSettings(
        @Setting(allowed = "the path of a file with certificates in PEM, and key beside it")
        Path certificate,

        @Setting(allowed = "the path of a file with a private key in PEM, and certificate beside it")
        Path key,

        @Setting(allowed = "the path of a file with certificates in PEM, and certificate and key beside it")
        Path clientCaFile) {
    /** Checks that a key and its certificate come together. */
    public TlsSettings {
        InvalidSetting.unless(certificate == null || key != null, "certificate");
        InvalidSetting.unless(key == null || certificate != null, "key");
        InvalidSetting.unless(clientCaFile == null || certificate != null, "client-ca-file");
    }
}
