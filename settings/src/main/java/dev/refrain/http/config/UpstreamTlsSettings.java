package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Path;

/**
 * TLS to providers, or to the shared tier, from files in PEM.
 *
 * @param caFile certificates of trusted issuers, or null; for providers, in addition to those that the JVM trusts
 * @param clientCertificate the certificate for servers that ask for one, or null
 * @param clientKey private key of that certificate, or null
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record UpstreamTlsSettings(
        @Setting(allowed = "the path of a file with certificates in PEM")
        Path caFile,

        @Setting(allowed = "the path of a file with certificates in PEM, and client-key beside it")
        Path clientCertificate,

        @Setting(allowed = "the path of a file with a private key in PEM, and client-certificate beside it")
        Path clientKey) {
    /** Checks that a key and its certificate come together. */
    public UpstreamTlsSettings {
        InvalidSetting.unless(clientCertificate == null || clientKey != null, "client-certificate");
        InvalidSetting.unless(clientKey == null || clientCertificate != null, "client-key");
    }
}
