package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.ScriptedProvider;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.resolver.dns.SingletonDnsServerAddressStreamProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lookups of host names, and connections to the resulting addresses. */
class NamesTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    /** Long enough for another call to finish meanwhile, on a busy machine too. */
    private static final Duration CONNECT = Duration.ofSeconds(2);

    private NameServer names;
    private ScriptedProvider provider;
    private UpstreamClient client;

    /** The first lookup of a process loads classes, which may take longer than the short limit below. */
    @BeforeAll
    static void warmUp() throws IOException {
        NamesTest first = new NamesTest();
        first.start(LONG);
        try {
            first.names.knows("works.test", "127.0.0.1");
            assertThat(first.call("works.test").join()).isEqualTo(200);
            assertThat(reason(first.call("nowhere.test"))).isEqualTo("unknown-host");
        } finally {
            first.stop();
        }
    }

    @BeforeEach
    void start() throws IOException {
        start(CONNECT);
    }

    private void start(Duration connect) throws IOException {
        names = new NameServer();
        provider = new ScriptedProvider()
                .does((exchange, request) -> ScriptedProvider.json(exchange, 200, ScriptedProvider.COMPLETE));
        client = new UpstreamClient(
                new UpstreamOptions(
                        new UpstreamOptions.Timeouts(connect, LONG, LONG, LONG, LONG),
                        100,
                        ProxyRules.NONE,
                        null,
                        true),
                new MemoryBudget(16 << 20),
                most -> {},
                new SingletonDnsServerAddressStreamProvider(names.address()),
                null);
    }

    @AfterEach
    void stop() {
        client.close();
        provider.close();
        names.close();
    }

    private CompletableFuture<Integer> call(String host) {
        return call(new Origin(false, host, provider.base().getPort()));
    }

    private CompletableFuture<Integer> call(Origin origin) {
        return StatusSink.ask(client, origin);
    }

    private static String reason(CompletableFuture<Integer> call) {
        return call.handle((status, failure) -> ProxyException.of(failure).reason())
                .orTimeout(60, TimeUnit.SECONDS)
                .join();
    }

    @Test
    void f35_anUnansweredLookUpDelaysNobodyElseAndCountsAsConnecting() {
        names.knows("stuck.test").knows("works.test", "127.0.0.1");
        try (CapturedLog log = new CapturedLog("dev.refrain.http.upstream.Reachability")) {
            long before = System.nanoTime();
            List<CompletableFuture<Integer>> stuck = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                stuck.add(call("stuck.test"));
            }
            assertThat(call("127.0.0.1").join()).isEqualTo(200);
            assertThat(call("works.test").join()).isEqualTo(200);
            assertThat(stuck).noneMatch(CompletableFuture::isDone);
            for (CompletableFuture<Integer> call : stuck) {
                assertThat(reason(call)).isEqualTo("look-up-timed-out");
            }
            assertThat(System.nanoTime() - before).isBetween(CONNECT.toNanos(), 5 * CONNECT.toNanos());
            // One attempt may end all calls before another attempt has written its line.
            until(() -> !log.lines().isEmpty());
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .startsWith("WARNING http://stuck.test:")
                    .contains("the lookup of its host name was not answered in time");
        }
    }

    @Test
    void f41_anUnknownNameIsReportedAtOnce() {
        try (CapturedLog log = new CapturedLog("dev.refrain.http.upstream.Reachability")) {
            assertThat(reason(call("nowhere.test"))).isEqualTo("unknown-host");
            assertThat(reason(call("nowhere.test"))).isEqualTo("unknown-host");
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .startsWith("WARNING http://nowhere.test:")
                    .contains("its host name is not known");
        }
    }

    @Test
    void aNameMayHaveAnUnderscore() {
        names.knows("my_llm.test", "127.0.0.1");
        assertThat(call("my_llm.test").join()).isEqualTo(200);
    }

    @Test
    void f40_anAddressThatRefusesIsFollowedByTheNext() {
        names.knows("two.test", "127.0.0.77", "127.0.0.1");
        assertThat(call("two.test").join()).isEqualTo(200);
        names.knows("none.test", "127.0.0.77", "127.0.0.78");
        assertThat(reason(call("none.test"))).isEqualTo("connection-refused");
    }

    /** {@code localhost} has two addresses, and servers often listen on one of them. */
    @Test
    void f40_aProviderMayListenOnOnlyOneFamily() throws IOException {
        names.knows("both.test", "::1", "127.0.0.1");
        assertThat(call("both.test").join()).isEqualTo(200);
        try (ServerSocket six = new ServerSocket()) {
            byte[] loopback = new byte[16];
            loopback[15] = 1;
            six.bind(new InetSocketAddress(InetAddress.getByAddress(loopback), 0));
            CompletableFuture<Integer> call = call(new Origin(false, "both.test", six.getLocalPort()));
            try (Socket connection = six.accept()) {
                connection.getOutputStream().write("HTTP/1.1 204 None\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                assertThat(call.join()).isEqualTo(204);
            }
        }
    }

    /** RFC 8305, 3: some name servers drop questions about one family. */
    @ParameterizedTest
    @CsvSource({"127.0.0.1, " + NameServer.SILENT_IPV6, "::1, " + NameServer.SILENT_IPV4})
    void f40_aFamilyWithoutAnAnswerDelaysNobody(String address, String silent) throws IOException {
        names.knows("half.test", address, silent);
        try (ServerSocket server = new ServerSocket()) {
            server.bind(new InetSocketAddress(InetAddress.getByName(address), 0));
            CompletableFuture<Integer> call = call(new Origin(false, "half.test", server.getLocalPort()));
            server.setSoTimeout((int) LONG.toMillis());
            try (Socket connection = server.accept()) {
                connection.getOutputStream().write("HTTP/1.1 204 None\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                assertThat(call.join()).isEqualTo(204);
            }
        }
    }

    /** Each connection looks its host's name up. */
    @Test
    void aNameWithoutIpv6IsAskedAboutItOnceForManyConnections() throws Exception {
        names.knows("four.test", "127.0.0.1");
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        try (Names asked = new Names(loops.next(), new SingletonDnsServerAddressStreamProvider(names.address()))) {
            assertThat(lookUp(asked, "four.test"))
                    .extracting(InetAddress::getHostAddress)
                    .containsExactly("127.0.0.1");
            int questions = names.ipv6Questions();
            assumeThat(questions).as("this machine has no IPv6").isPositive();
            assertThat(lookUp(asked, "four.test"))
                    .extracting(InetAddress::getHostAddress)
                    .containsExactly("127.0.0.1");
            assertThat(names.ipv6Questions()).isEqualTo(questions);
        } finally {
            var unused = loops.shutdownGracefully(0, 0, TimeUnit.SECONDS);
        }
    }

    /** All addresses of a host, once the questions about both families have been answered. */
    private static List<InetAddress> lookUp(Names names, String host) throws Exception {
        List<InetAddress> all = new CopyOnWriteArrayList<>();
        CompletableFuture<List<InetAddress>> over = new CompletableFuture<>();
        names.lookUp(host, new Names.Receiver() {
            @Override
            public void resolved(List<InetAddress> addresses, boolean areAll) {
                all.addAll(addresses);
                if (areAll) {
                    over.complete(all);
                }
            }

            @Override
            public void unresolved(Throwable failure) {
                over.completeExceptionally(failure);
            }
        });
        return over.get(60, TimeUnit.SECONDS);
    }

    @Test
    void aSilentAddressDelaysTheNextOnlyBriefly() throws IOException {
        try (ServerSocket full = new ServerSocket()) {
            full.bind(new InetSocketAddress("127.0.0.77", provider.base().getPort()), 1);
            List<Socket> fill = new ArrayList<>();
            try {
                assertThatThrownBy(() -> {
                            for (int i = 0; i < 10; i++) {
                                Socket next = new Socket();
                                fill.add(next);
                                next.connect(full.getLocalSocketAddress(), 200);
                            }
                        })
                        .as("nobody takes connections")
                        .isInstanceOf(IOException.class);
                names.knows("silent.test", "127.0.0.77", "127.0.0.1");
                long before = System.nanoTime();
                assertThat(call("silent.test").join()).isEqualTo(200);
                assertThat(System.nanoTime() - before).isBetween(200_000_000L, CONNECT.toNanos());
                names.knows("dead.test", "127.0.0.77");
                assertThat(reason(call("dead.test"))).isEqualTo("connect-timed-out");
            } finally {
                for (Socket socket : fill) {
                    socket.close();
                }
            }
        }
    }
}
