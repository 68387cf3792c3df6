package dev.refrain.semantics.caller;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Decides by a field's name whether it holds a credential (wire rule W15). One field too many costs hits; one too few
 * would show one customer's answers to another. Immutable and thread-safe; nothing is null.
 */
public final class CredentialFields {
    /** Parts of names of credential fields: the contract's six, and others that no other field's name contains. */
    private static final List<String> WORDS = List.of(
            "auth",
            "key",
            "token",
            "secret",
            "credential",
            "cookie",
            "jwt",
            "password",
            "passwd",
            "bearer",
            "client-cert",
            // X-ARR-ClientCert and X-Amzn-Mtls-Clientcert of Azure and AWS.
            "clientcert",
            // X-SSL-Client-S-DN and the like, in which a server names the subject of the client's certificate.
            "ssl-client",
            "ssl_client",
            // X-Userinfo of Kong and APISIX, X-Apigateway-Api-Userinfo of Google.
            "userinfo");

    /** Credential fields of well-known gateways whose names contain none of {@link #WORDS}. */
    private static final Set<String> WELL_KNOWN = Set.of(
            // Bifrost's virtual key.
            "x-bf-vk",
            // HTTP message signatures (RFC 9421); no other field identifies the signer.
            "signature",
            "signature-input",
            // A password's digest (WS-Security).
            "x-wsse",
            // Portkey's configuration, which holds or names the keys of providers.
            "x-portkey-config",
            // AWS's load balancers and Azure's App Service name the signed-in user here.
            "x-amzn-oidc-data",
            "x-amzn-oidc-identity",
            "x-ms-client-principal",
            "x-ms-client-principal-id",
            "x-ms-client-principal-name",
            // Kong and APISIX name the owner of the API key here, and may remove the key itself.
            "x-consumer-id",
            "x-consumer-custom-id",
            "x-consumer-username",
            // Authenticating proxies name the signed-in user here.
            "x-forwarded-user",
            "x-forwarded-email",
            "x-forwarded-preferred-username",
            "x-vouch-user",
            "x-remote-user",
            "remote-user",
            "tailscale-user-login");

    private static final String IDEMPOTENCY = "idempotency-key";

    private final FieldNames added;
    private final FieldNames removed;

    /**
     * The built-in rule, changed by an operator.
     *
     * @param added names of further credential fields
     * @param removed names of fields that hold no credential, even if the rule or {@code added} says they do
     */
    public CredentialFields(FieldNames added, FieldNames removed) {
        this.added = added;
        this.removed = removed;
    }

    /** Whether a field of this name holds a credential; case does not matter. */
    public boolean contains(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return !removed.contains(lower) && (added.contains(lower) || looksLikeOne(lower));
    }

    private static boolean looksLikeOne(String name) {
        if (WELL_KNOWN.contains(name)) {
            return true;
        }
        for (String word : WORDS) {
            if (name.contains(word)) {
                return !name.equals(IDEMPOTENCY) && !name.endsWith("-" + IDEMPOTENCY);
            }
        }
        return false;
    }
}
