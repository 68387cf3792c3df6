package dev.refrain.semantics.caller;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** Wire rule W15 with the field names that gateways, clouds and sign-in proxies use. */
class CredentialFieldsTest {
    private final CredentialFields fields = new CredentialFields(FieldNames.parse("none"), FieldNames.parse("none"));

    @Test
    void w15_f2_fieldsThatIdentifyTheCallerCount() {
        List<String> names = List.of(
                "Authorization-Gateway",
                "X-Auth-Request-Email",
                "X-authentik-username",
                "X-Goog-Authenticated-User-Email",
                "X-Goog-User-Key",
                "X-MS-TOKEN-AAD-ACCESS-TOKEN",
                "X-MS-Client-Principal-Name",
                "X-Amzn-Oidc-Accesstoken",
                "X-Amzn-Oidc-Identity",
                "X-Amz-Security-Token",
                "Cf-Access-Authenticated-User-Email",
                "CF-Access-Client-Id-Secret",
                "X-Pomerium-Jwt-Assertion",
                "X-Kong-Consumer-Key",
                "X-Consumer-ID",
                "X-Consumer-Username",
                "X-Gravitee-Api-Key",
                "X-Apigee-Token",
                "X-Tyk-Authorization",
                "KeyId",
                "X-Llmgateway-Key",
                "X-TFY-API-KEY",
                "Braintrust-Api-Key",
                "Langfuse-Secret",
                "X-Vault-Token",
                "X-Figma-Token",
                "X-Gitlab-Token",
                "Job-Token",
                "X-Forwarded-Access-Token",
                "X-Forwarded-Client-Cert",
                "Client-Cert",
                "X-SSL-Client-Cert",
                "X-Forwarded-User",
                "Remote-User",
                "X-Bearer",
                "X-Passwd",
                "Set-Cookie2",
                "X-ARR-ClientCert",
                "X-Amzn-Mtls-Clientcert-Subject",
                "ssl-client-subject-dn",
                "X-SSL-Client-S-DN",
                "SSL_CLIENT_VERIFY",
                "X-Userinfo",
                "X-Apigateway-Api-Userinfo",
                "X-Endpoint-API-UserInfo",
                "Signature",
                "Signature-Input",
                "X-WSSE",
                "X-Vouch-User",
                "X-Forwarded-Preferred-Username",
                "X-Forwarded-Tls-Client-Cert-Info",
                "X-ID-Token",
                "X-Authenticated-Userid",
                "X-WEBAUTH-USER",
                "Serverless-Authorization",
                "X-DBX-Auth-Token",
                "X-Dash-Auth-Code",
                "X-Nvidia-Api-Key",
                "X-Auth0-Sub",
                "X-LC-Key",
                "x-lc-session-token",
                "X-MBX-APIKEY",
                "DD-APPLICATION-KEY",
                "Fastly-Key",
                "AccessKeyId",
                "X-Ca-Key",
                "X-Acs-Security-Token");
        assertThat(names).allMatch(fields::contains);
        assertThat(names).allMatch(name -> fields.contains(name.toUpperCase(Locale.ROOT)));
    }

    @Test
    void w15_fieldsOfASingleRequestOrOfEveryCallerDoNotCount() {
        assertThat(List.of(
                        "Idempotency-Key",
                        "X-Idempotency-Key",
                        "X-Request-Id",
                        "X-Client-Request-Id",
                        "X-Forwarded-For",
                        "X-Forwarded-Proto",
                        "X-Real-Ip",
                        "Forwarded",
                        "CF-Connecting-IP",
                        "CF-Ray",
                        "traceparent",
                        "X-Datadog-Trace-Id",
                        "X-Stainless-Runtime-Version",
                        "OpenAI-Organization",
                        "OpenAI-Project",
                        "conversation_id",
                        "User-Agent",
                        "Content-Type",
                        "Accept-Encoding",
                        "X-OpenRouter-Cache",
                        "X-Refrain-Namespace",
                        "Helicone-User-Id",
                        "x-vercel-proxy-signature",
                        "X-OpenWebUI-User-Id",
                        "x-dashscope-session",
                        "X-App-Name"))
                .noneMatch(fields::contains);
    }
}
