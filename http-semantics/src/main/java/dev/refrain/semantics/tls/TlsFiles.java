package dev.refrain.semantics.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Makes TLS contexts from files in PEM (RFC 7468) with issuers to trust, own certificates and keys. Stateless. */
public final class TlsFiles {
    private static final char[] NO_PASSWORD = new char[0];
    private static final Pattern KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

    private static final String[] ALGORITHMS = {"RSA", "EC", "EdDSA"};

    /** Limit of a file, in bytes. Chains and lists of issuers take some hundred KiB. */
    private static final int MAX_BYTES = 4 << 20;

    private TlsFiles() {}

    /**
     * The context for connections to providers.
     *
     * @param issuers certificates to trust beside those that the JVM trusts, or null
     * @param certificate the certificate to show, followed by those of its issuers, or null
     * @param key the certificate's key, in PKCS #8 without a password, or null
     * @throws IOException if a file cannot be used; the message names the file, and quotes nothing of a key
     */
    public static SSLContext context(Path issuers, Path certificate, Path key) throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(
                    certificate == null ? null : keys(certificate, key), issuers == null ? null : trust(issuers), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS to providers cannot be set up: " + e.getMessage(), e);
        }
    }

    /**
     * The context for connections from clients.
     *
     * @param certificate the certificate to show, followed by those of its issuers
     * @param key the certificate's key, in PKCS #8 without a password
     * @param issuers certificates of the only issuers that are trusted for clients; null if clients need no certificate
     * @throws IOException if a file cannot be used, or the key does not fit the certificate; the message names the
     *     file, and quotes nothing of a key
     */
    public static SSLContext ofServer(Path certificate, Path key, Path issuers) throws IOException {
        try {
            KeyStore trusted = empty();
            int count = 0;
            for (Certificate issuer : issuers == null ? List.<Certificate>of() : certificates(issuers)) {
                trusted.setCertificateEntry("issuer-" + count++, issuer);
            }
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys(certificate, key), issuers == null ? null : trust(trusted), null);
            // Bounds the sessions of clients that take no tickets. By default the JDK keeps 20,480 of at least a KiB
            // each for a day.
            context.getServerSessionContext()
                    .setSessionCacheSize(sessions(Runtime.getRuntime().maxMemory()));
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS to clients cannot be set up: " + e.getMessage(), e);
        }
    }

    /** How many sessions to keep in a heap of this many bytes, 100 to 20,480: a 32nd of it, at 2 KiB a session. */
    static int sessions(long heapBytes) {
        return (int) Math.max(100, Math.min(20_480, heapBytes / (64 << 10)));
    }

    private static TrustManager[] trust(Path issuers) throws IOException, GeneralSecurityException {
        KeyStore trusted = empty();
        int count = 0;
        for (X509Certificate known : systems().getAcceptedIssuers()) {
            trusted.setCertificateEntry("known-" + count++, known);
        }
        for (Certificate issuer : certificates(issuers)) {
            trusted.setCertificateEntry("issuer-" + count++, issuer);
        }
        return trust(trusted);
    }

    private static TrustManager[] trust(KeyStore trusted) throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trusted);
        return factory.getTrustManagers();
    }

    private static X509TrustManager systems() throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509TrustManager known) {
                return known;
            }
        }
        throw new GeneralSecurityException("the JVM has no trusted certificates");
    }

    private static KeyManager[] keys(Path certificate, Path key) throws IOException, GeneralSecurityException {
        PrivateKey secret = privateKey(key);
        Certificate[] chain = certificates(certificate).toArray(Certificate[]::new);
        if (!fits(secret, chain[0].getPublicKey())) {
            throw new IOException("The key in " + key + " is not that of the first certificate in " + certificate);
        }
        KeyStore own = empty();
        own.setKeyEntry("own", secret, NO_PASSWORD, chain);
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(own, NO_PASSWORD);
        return factory.getKeyManagers();
    }

    /** Whether a private key belongs to a public one. Nothing else compares the two before the first handshake. */
    private static boolean fits(PrivateKey secret, PublicKey known) throws GeneralSecurityException {
        String algorithm = known.getAlgorithm();
        if (!algorithm.equals(secret.getAlgorithm())) {
            return false;
        }
        Signature signature = Signature.getInstance(
                algorithm.startsWith("Ed") ? algorithm : "SHA256with" + (algorithm.equals("EC") ? "ECDSA" : algorithm));
        signature.initSign(secret);
        byte[] signed = signature.sign();
        signature.initVerify(known);
        return signature.verify(signed);
    }

    private static byte[] read(Path file) throws IOException {
        if (!Files.isReadable(file)) {
            throw new IOException(file + " does not exist, or may not be read");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException(file + " has more than " + (MAX_BYTES >> 20) + " MiB");
        }
        return Files.readAllBytes(file);
    }

    private static KeyStore empty() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, NO_PASSWORD);
        return store;
    }

    private static Collection<? extends Certificate> certificates(Path file) throws IOException {
        try {
            Collection<? extends Certificate> found =
                    CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(read(file)));
            if (!found.isEmpty()) {
                return found;
            }
        } catch (GeneralSecurityException e) {
            throw new IOException(file + " holds no certificates in PEM", e);
        }
        throw new IOException(file + " holds no certificates in PEM");
    }

    private static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
        Matcher pem = KEY.matcher(new String(read(file), StandardCharsets.ISO_8859_1));
        if (pem.find()) {
            for (String algorithm : ALGORITHMS) {
                try {
                    byte[] encoded = Base64.getMimeDecoder().decode(pem.group(1));
                    return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
                } catch (InvalidKeySpecException | IllegalArgumentException another) {
                    // The key is of another algorithm, or damaged.
                }
            }
        }
        throw new IOException(
                file + " holds no unencrypted private key in PKCS #8 and PEM; convert other formats with openssl "
                        + "pkcs8 -topk8 -nocrypt");
    }
}
