package dev.refrain.shared.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lettuce.core.RedisURI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerUriTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "redis://cache",
                "rediss://user:word@cache:6380/2",
                "redis-sentinel://a:1,b:2,c:3#answers",
                "rediss-sentinel://word@a,b#answers"
            })
    void oneServerOrSentinel(String uri) {
        ServerUri read = ServerUri.of(uri);
        assertThat(read.isCluster()).isFalse();
        assertThat(read.servers()).hasSize(1);
        assertThat(read.servers().get(0).isSsl()).isEqualTo(uri.startsWith("rediss"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "redis://user:word@a:7000,b:7001",
                "redis-cluster://user:word@a:7000,b:7001",
                "rediss-cluster://user:word@a:7000,b:7001"
            })
    void aCluster(String uri) {
        ServerUri read = ServerUri.of(uri);
        assertThat(read.isCluster()).isTrue();
        assertThat(read.servers()).extracting(RedisURI::getHost).containsExactly("a", "b");
        assertThat(read.servers()).extracting(RedisURI::getPort).containsExactly(7000, 7001);
        assertThat(read.servers()).allSatisfy(server -> {
            assertThat(server.getCredentialsProvider()
                            .resolveCredentials()
                            .block()
                            .getUsername())
                    .isEqualTo("user");
            assertThat(server.isSsl()).isEqualTo(uri.startsWith("rediss"));
        });
    }

    @Test
    void aClusterMayBeFoundByOneAddress() {
        assertThat(ServerUri.of("redis-cluster://a:7000").isCluster()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://user:geheim@a",
                "redis-sentinel://user:geheim@a,b",
                "redis-cluster://user:geheim@a:b",
                "redis-cluster://user:geheim@",
                "user:geheim"
            })
    void aWrongUriIsNotQuotedInTheError(String uri) {
        assertThatThrownBy(() -> ServerUri.of(uri))
                .isInstanceOf(IllegalArgumentException.class)
                .hasNoCause()
                .hasMessageContaining("redis-sentinel://")
                .message()
                .doesNotContain("geheim");
    }
}
