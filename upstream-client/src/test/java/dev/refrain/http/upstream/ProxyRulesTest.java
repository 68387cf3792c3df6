package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProxyRulesTest {
    private static final String PROXY = "proxy:3128";

    @ParameterizedTest
    @CsvSource({
        "'', api.example, 443, true",
        "'*', api.example, 443, false",
        "example, api.example, 443, false",
        ".example, api.example, 443, false",
        "*.example, api.example, 443, false",
        ".example, example, 443, true",
        "ample, api.example, 443, true",
        "'a, API.example ,b', api.example, 443, false",
        "api.example:8443, api.example, 443, true",
        "api.example:443, api.example, 443, false",
        "10.0.0.0/8, 10.1.2.3, 443, false",
        "10.0.0.0/12, 10.16.2.3, 443, true",
        "10.0.0.0/8, ten.example, 443, true",
        "fd00::/8, fd12::1, 443, false",
        "'', localhost, 443, false",
        "'', 127.0.0.9, 443, false",
        "'', ::1, 443, false"
    })
    void f42_someHostsAreReachedWithoutTheProxy(String direct, String host, int port, boolean proxied) {
        ProxyRules rules = new ProxyRules(null, PROXY, direct);
        assertThat(rules.to(new Origin(true, host, port)) != null).isEqualTo(proxied);
        assertThat(rules.to(new Origin(false, host, port))).isNull();
    }

    @Test
    void aProxyMayRequireCredentials() {
        ProxyRules.Proxy proxy =
                new ProxyRules("http://me:p%40ss+@proxy:3128/", null, "").to(new Origin(false, "api.example", 80));
        assertThat(proxy.origin()).isEqualTo(new Origin(false, "proxy", 3128));
        // me:p@ss+
        assertThat(proxy.authorization()).isEqualTo("Basic bWU6cEBzcys=");
        assertThat(new ProxyRules("proxy", null, "").to(new Origin(false, "api.example", 80)))
                .isEqualTo(new ProxyRules.Proxy(new Origin(false, "proxy", 80), null));
    }
}
