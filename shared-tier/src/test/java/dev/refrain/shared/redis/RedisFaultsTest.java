package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTier.Appended;
import dev.refrain.engine.spi.SharedTier.Found;
import dev.refrain.engine.spi.SharedTier.Lease;
import dev.refrain.engine.spi.SharedTier.Raised;
import dev.refrain.engine.spi.SharedTierException;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.RedisServer;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server that is down, does not answer, refuses, loses data, or holds data of others.
 *
 * <p>Long, since each fault of a server is a test of its own.
 */
class RedisFaultsTest {
    private static final long MINUTE = 60_000;
    private static final byte[] KEY = new byte[SharedTier.KEY_LENGTH];
    private static final byte[] ENTRY = "an entry".getBytes(StandardCharsets.US_ASCII);

    private final Names names = new Names("refrain");
    private final List<RedisTier> machines = new ArrayList<>();
    private RedisServer server;

    @BeforeEach
    void startServer() {
        server = new RedisServer();
    }

    @AfterEach
    void stop() {
        machines.forEach(RedisTier::close);
        server.close();
    }

    private RedisTier open(RedisTierSettings settings) {
        RedisTier tier = RedisTier.open(settings);
        machines.add(tier);
        return tier;
    }

    /** A connected tier whose timeout is so long that it never passes. */
    private RedisTier machine() {
        RedisTier tier = open(RedisContract.settings(server.uri()));
        until(tier::canSend);
        return tier;
    }

    private static <T> T of(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static boolean succeeds(CompletionStage<?> stage) {
        try {
            stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
            return true;
        } catch (Exception e) {
            assertThat(e).hasCauseInstanceOf(SharedTierException.class);
            return false;
        }
    }

    private static void assertFails(CompletionStage<?> stage, String why) {
        assertThatThrownBy(() -> stage.toCompletableFuture().get(30, TimeUnit.SECONDS))
                .hasCauseInstanceOf(SharedTierException.class)
                .hasMessageContaining(why);
    }

    /** Expects every command to fail without waiting. */
    private static void assertFailsAtOnce(SharedTier tier) {
        assertThat(tier.isAvailable()).isFalse();
        for (CompletionStage<?> stage : List.of(
                tier.get(KEY), tier.put(KEY, ENTRY, 1, MINUTE), tier.lease(KEY, 1, 1), tier.raise(new byte[1]))) {
            assertThat(stage.toCompletableFuture()).isCompletedExceptionally();
        }
    }

    private void store(RedisTier tier) {
        // Entries go over a connection of their own, which may come back later than the others.
        until(tier::canSend);
        assertThat(of(tier.put(KEY, ENTRY, of(tier.get(KEY)).micros(), MINUTE))).isTrue();
    }

    /** Records what it is told of barriers and connections. */
    private static final class Recorder implements SharedTier.Listener {
        private final BlockingQueue<String> told = new LinkedBlockingQueue<>();

        @Override
        public void raised(byte[] barrier, long micros) {
            told.add(new String(barrier, StandardCharsets.US_ASCII));
        }

        @Override
        public void caughtUp(long micros) {
            told.add("caught up");
        }

        @Override
        public void lost() {
            told.add("lost");
        }

        @Override
        public void incomplete(long micros) {
            told.add("incomplete");
        }

        @Override
        public void released(byte[] key) {}

        @Override
        public void wanted(byte[] key) {}

        @Override
        public void appended(byte[] key) {}

        /** All notices up to the given one, without repetitions. */
        List<String> until(String last) throws InterruptedException {
            List<String> all = new ArrayList<>();
            while (all.isEmpty() || !all.get(all.size() - 1).equals(last)) {
                String next = told.poll(30, TimeUnit.SECONDS);
                assertThat(next).as("a notice after %s", all).isNotNull();
                if (all.isEmpty() || !all.get(all.size() - 1).equals(next)) {
                    all.add(next);
                }
            }
            return all;
        }
    }

    // ---- down

    @Test
    void aServerThatComesLaterIsFound() throws InterruptedException {
        server.kill();
        RedisTier tier = open(RedisContract.settings(server.uri()));
        Recorder recorder = new Recorder();
        tier.listen(0, recorder);
        assertFailsAtOnce(tier);
        server.start();
        until(() -> succeeds(tier.get(KEY)));
        assertThat(recorder.until("caught up")).containsExactly("incomplete", "caught up");
    }

    @Test
    void aServerThatIsKilledIsFoundAgain() throws InterruptedException {
        RedisTier tier = machine();
        Recorder recorder = new Recorder();
        tier.listen(0, recorder);
        recorder.until("caught up");
        store(tier);
        server.kill();
        recorder.until("lost");
        until(() -> !tier.isAvailable());
        assertFailsAtOnce(tier);
        server.start();
        until(() -> succeeds(tier.get(KEY)));
        assertThat(of(tier.get(KEY)).entry()).isNull();
        // The server keeps nothing on disk, so barriers from before are lost.
        assertThat(recorder.until("caught up")).endsWith("incomplete", "caught up");
        store(tier);
    }

    // ---- does not answer

    @Test
    void aServerThatHangsIsWaitedForUntilTheTimeoutAndThenNotAtAll() {
        RedisTier tier = open(RedisContract.settings(server.uri()).withTimeout(Duration.ofMillis(50)));
        until(() -> tier.isAvailable() && succeeds(tier.get(KEY)));
        server.pause();
        assertFails(tier.get(KEY), "no answer in time");
        until(() -> !succeeds(tier.get(KEY)) && !tier.isAvailable());
        assertFailsAtOnce(tier);
        server.goOn();
        until(() -> tier.isAvailable() && succeeds(tier.get(KEY)));
    }

    /** The machine that asked has gone on without the lease, so nobody would release it. */
    @Test
    void aLeaseThatIsGrantedTooLateIsGivenBack() {
        RedisTier hasty = open(RedisContract.settings(server.uri()).withTimeout(Duration.ofMillis(50)));
        RedisTier other = machine();
        until(() -> hasty.isAvailable() && succeeds(hasty.get(KEY)));
        server.pause();
        // The lease lasts longer than the wait below.
        assertFails(hasty.lease(KEY, 10 * MINUTE, 10 * MINUTE), "no answer in time");
        // From here on the server is not asked any more.
        until(() -> !succeeds(hasty.get(KEY)) && !hasty.isAvailable());
        server.goOn();
        until(() -> of(other.lease(KEY, MINUTE, 10 * MINUTE)).mine());
    }

    /** A listener's connection that is dead but was never closed is noticed, too. */
    @Test
    void aListenerOfAServerThatHangsIsToldSo() throws InterruptedException {
        RedisTier tier = open(RedisContract.settings(server.uri()).withTimeout(Duration.ofMillis(50)));
        Recorder recorder = new Recorder();
        tier.listen(0, recorder);
        recorder.until("caught up");
        server.pause();
        recorder.until("lost");
        server.goOn();
        recorder.until("caught up");
    }

    /** However many requests and connections there are, each change of state is logged once. */
    @Test
    void eachChangeOfStateIsOneLineInTheLog() {
        RedisTier tier = machine();
        try (CapturedLog log = new CapturedLog(OutageLog.class.getName())) {
            server.kill();
            until(() -> !tier.isAvailable());
            for (int i = 0; i < 100; i++) {
                assertFailsAtOnce(tier);
            }
            server.start();
            until(() -> succeeds(tier.get(KEY)));
            until(() -> log.lines().size() > 1);
            assertThat(log.lines()).hasSize(2);
            assertThat(log.lines().get(0)).startsWith("WARNING").contains("Requests go on without it");
            assertThat(log.lines().get(1)).startsWith("INFO").contains("is connected again");
        }

        RedisTier hasty = open(RedisContract.settings(server.uri()).withTimeout(Duration.ofMillis(50)));
        until(() -> hasty.isAvailable() && succeeds(hasty.get(KEY)));
        try (CapturedLog log = new CapturedLog(Commands.class.getName())) {
            server.pause();
            until(() -> !succeeds(hasty.get(KEY)) && !hasty.isAvailable());
            for (int i = 0; i < 100; i++) {
                assertFailsAtOnce(hasty);
            }
            assertThat(log.lines().stream().filter(line -> line.contains("does not answer")))
                    .hasSize(1);
            server.goOn();
            until(() -> log.lines().stream().anyMatch(line -> line.contains("answers again")));
        }
    }

    // ---- shared with others

    @Test
    void machinesWithAnotherPrefixShareNothing() {
        RedisTier tier = machine();
        RedisTier other = open(RedisContract.settings(server.uri()).withPrefix("other"));
        until(other::canSend);

        store(tier);

        assertThat(of(other.get(KEY)).entry()).isNull();
        store(other);
        of(other.remove(KEY, MINUTE));
        assertThat(of(tier.get(KEY)).entry()).isEqualTo(ENTRY);
        // Another version of the format would use another number.
        assertThat(server.list("KEYS", "*")).isNotEmpty().allMatch(name -> name.matches("(refrain|other):1:.*"));
    }

    // ---- refuses

    @Test
    void aFullServerIsReadAllTheSame() {
        RedisTier tier = machine();
        store(tier);
        server.ask("CONFIG", "SET", "maxmemory", "1");
        assertFails(tier.put(KEY, ENTRY, Long.MAX_VALUE / 1000, MINUTE), "OOM");
        assertThat(of(tier.get(KEY)).entry()).isEqualTo(ENTRY);
        assertThat(tier.isAvailable()).isTrue();
        server.ask("CONFIG", "SET", "maxmemory", "0");
        store(tier);
    }

    /** After a failover, the old master may still run, as a replica. */
    @Test
    void aServerThatBecomesReadOnlyIsAbandoned() {
        RedisTier tier = machine();
        store(tier);
        server.ask("REPLICAOF", "127.0.0.1", "1");
        try (CapturedLog log = new CapturedLog(OutageLog.class.getName())) {
            assertFails(tier.put(KEY, ENTRY, Long.MAX_VALUE / 1000, MINUTE), "READONLY");
            until(() -> log.lines().stream().anyMatch(line -> line.contains("connected again")));
        }
        assertThat(of(tier.get(KEY)).entry()).as("it is read all the same").isEqualTo(ENTRY);
        server.ask("REPLICAOF", "NO", "ONE");
        until(() -> succeeds(tier.put(KEY, ENTRY, 1, MINUTE)));
    }

    private static String[] words(List<String> first, String... more) {
        return Stream.concat(first.stream(), Stream.of(more)).toArray(String[]::new);
    }

    @Test
    void aWrongPasswordIsRefusedAndTheRightOneTaken() {
        String[] rights = {"~refrain:*", "resetchannels", "&refrain:*", "+@all", "-@dangerous"};
        assertThat(server.ask(words(List.of("ACL", "SETUSER", "refrain", "on", ">right"), rights)))
                .isEqualTo("+OK");
        server.ask("ACL", "SETUSER", "default", "off");
        String address = "127.0.0.1:" + server.port();
        RedisTierSettings settings = RedisContract.settings(server.uri());
        RedisTier wrong = open(settings.withUri("redis://refrain:wrong@" + address));
        RedisTier right = open(settings.withUri("redis://refrain:right@" + address));
        until(right::canSend);
        store(right);
        Lease lease = of(right.lease(KEY, MINUTE, MINUTE));
        assertThat(of(right.append(KEY, lease.micros(), 0, ENTRY))).isEqualTo(Appended.TAKEN);
        assertThat(of(right.release(KEY, lease.micros()))).isTrue();
        assertThat(of(right.raise(ENTRY)).unheard()).isZero();
        assertThat(wrong.isAvailable()).isFalse();
        assertFailsAtOnce(wrong);
    }

    /** A provider may pause for long while machines follow: a stream lives as long as its lease. */
    @Test
    void aStreamIsKeptForAsLongAsItsLeaseIsRenewed() {
        RedisTier tier = machine();
        long token = of(tier.lease(KEY, 1_000, MINUTE)).micros();
        assertThat(of(tier.append(KEY, token, 0, ENTRY))).isEqualTo(Appended.TAKEN);
        assertThat(of(tier.renew(KEY, token, MINUTE))).isTrue();
        String time = Values.time(token);
        for (byte[] name : List.of(names.stream(KEY, time), names.streamLength(KEY, time))) {
            String left = server.ask("PTTL", new String(name, StandardCharsets.US_ASCII));
            assertThat(Long.parseLong(left.substring(1))).isGreaterThan(MINUTE);
        }
    }

    @Test
    void aForeignValueInPlaceOfALeaseExpires() {
        RedisTier tier = machine();
        String name = new String(names.lease(KEY), StandardCharsets.US_ASCII);
        server.ask("SET", name, "0000000000000000x");
        assertThat(of(tier.lease(KEY, MINUTE, 50))).isEqualTo(new Lease(0, false, false));
        until(() -> of(tier.lease(KEY, MINUTE, 50)).mine());
    }

    /** The server's certificate is checked, and the client never falls back to a connection without TLS. */
    @Test
    void aServerWithAnUntrustedCertificateIsNotUsed(@TempDir Path folder) throws Exception {
        Path store = folder.resolve("store.p12");
        SelfSigned.write(store);
        int port = speakTls(store, folder);
        try (Socket trusting = SelfSigned.context(store).getSocketFactory().createSocket("127.0.0.1", port)) {
            ((SSLSocket) trusting).startHandshake();
        }
        try (CapturedLog log = new CapturedLog(OutageLog.class.getName())) {
            RedisTier tier = open(RedisTierSettings.of("rediss://127.0.0.1:" + port));
            until(() -> log.lines().size() >= 1);
            assertThat(log.lines()).allMatch(line -> line.contains("cannot be reached"));
            assertFailsAtOnce(tier);
        }
    }

    @Test
    void aServerCanRequireAClientCertificate(@TempDir Path folder) throws Exception {
        Path store = folder.resolve("store.p12");
        SelfSigned.write(store);
        int port = speakTls(store, folder);
        assertThat(server.ask("CONFIG", "SET", "tls-auth-clients", "yes")).isEqualTo("+OK");
        Path certificate = folder.resolve("certificate.pem");
        RedisTierSettings settings = RedisContract.settings(server.uri()).withUri("rediss://127.0.0.1:" + port);
        RedisTier shown =
                open(settings.withTls(new RedisTierSettings.Tls(certificate, certificate, folder.resolve("key.pem"))));
        RedisTier nothing = open(settings.withTls(new RedisTierSettings.Tls(certificate, null, null)));
        until(shown::canSend);
        store(shown);
        assertThat(succeeds(nothing.get(KEY))).isFalse();
    }

    private int speakTls(Path store, Path folder) throws Exception {
        KeyStore keys = KeyStore.getInstance(store.toFile(), SelfSigned.PASSWORD.toCharArray());
        String alias = keys.aliases().nextElement();
        Path certificate = folder.resolve("certificate.pem");
        Path key = folder.resolve("key.pem");
        writePem(certificate, "CERTIFICATE", keys.getCertificate(alias).getEncoded());
        writePem(
                key,
                "PRIVATE KEY",
                keys.getKey(alias, SelfSigned.PASSWORD.toCharArray()).getEncoded());
        int port = RedisServer.freePort();
        for (String option : List.of(
                "tls-cert-file " + certificate,
                "tls-key-file " + key,
                "tls-ca-cert-file " + certificate,
                "tls-auth-clients no",
                "tls-port " + port)) {
            assertThat(server.ask(("CONFIG SET " + option).split(" ", -1))).isEqualTo("+OK");
        }
        return port;
    }

    private static void writePem(Path file, String what, byte[] content) throws IOException {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
        Files.writeString(file, "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n");
    }

    @Test
    void noToStringShowsSecrets() {
        RedisTierSettings settings = RedisTierSettings.of("redis://user:geheim@localhost");
        assertThat(settings.toString()).doesNotContain("geheim");
        assertThatThrownBy(() -> RedisTier.open(RedisTierSettings.of("http://user:geheim@localhost")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasNoCause()
                .message()
                .doesNotContain("geheim");
    }

    // ---- loses data

    @Test
    void scriptsThatTheServerForgotAreSentAgain() {
        RedisTier tier = machine();
        store(tier);
        server.ask("SCRIPT", "FLUSH");
        assertThat(of(tier.get(KEY)).entry()).isEqualTo(ENTRY);
    }

    @Test
    void barriersRaisedWhileAConnectionWasCutAreHeard() throws InterruptedException {
        RedisTier one = machine();
        RedisTier other = machine();
        Recorder recorder = new Recorder();
        other.listen(0, recorder);
        recorder.until("caught up");
        of(one.raise("before".getBytes(StandardCharsets.US_ASCII)));
        recorder.until("before");
        recorder.until("caught up");
        server.ask("CLIENT", "KILL", "TYPE", "pubsub");
        of(one.raise("after".getBytes(StandardCharsets.US_ASCII)));
        assertThat(recorder.until("after")).contains("lost").doesNotContain("incomplete");
    }

    /** The machine that raised the barrier goes on after a while, and knows that one machine has not confirmed it. */
    @Test
    void aMachineThatDoesNotConfirmIsCounted() throws InterruptedException {
        RedisTier one = open(RedisContract.settings(server.uri()).withConfirmTimeout(Duration.ofMillis(100)));
        until(one::isAvailable);
        RedisTier other = machine();
        CountDownLatch never = new CountDownLatch(1);
        CountDownLatch listens = new CountDownLatch(1);
        other.listen(0, new SharedTier.Listener() {
            @Override
            public void raised(byte[] barrier, long micros) {
                try {
                    never.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }

            @Override
            public void caughtUp(long micros) {
                listens.countDown();
            }

            @Override
            public void lost() {}

            @Override
            public void incomplete(long micros) {}

            @Override
            public void released(byte[] key) {}

            @Override
            public void wanted(byte[] key) {}

            @Override
            public void appended(byte[] key) {}
        });
        assertThat(listens.await(30, TimeUnit.SECONDS)).isTrue();
        Raised raised = of(one.raise(ENTRY));
        assertThat(raised.unheard()).isEqualTo(1);
        assertThat(raised.micros()).isPositive();
        never.countDown();
    }

    // ---- holds data of others

    private void write(String value) {
        server.ask("DEL", text(names.entry(KEY)));
        server.ask("SET", text(names.entry(KEY)), value);
    }

    private static String text(byte[] name) {
        return new String(name, StandardCharsets.ISO_8859_1);
    }

    @Test
    void valuesOfOthersAreIgnored() {
        RedisTier tier = machine();
        String time = "1700000000000000";
        String salt = "AAAAAAAAAAAAAAAAAAAAAA";
        for (String value : List.of(
                "",
                "E",
                "E" + time.substring(1),
                "X" + time + "x",
                "T" + time,
                "M" + time,
                "M" + time + "1048577 1048576",
                "M" + time + "999999999 1048576 " + salt,
                "M" + time + "16777216 1 " + salt,
                "M" + time + "16777216 0 " + salt,
                "M" + time + "-5 1048576 " + salt,
                "M" + time + "99999999999999999999 1048576 " + salt,
                "M" + time + "100 1048576 " + salt,
                "M" + time + "2000000 1048576 " + salt,
                "M" + time + "2000000 1048576 " + salt + "{x}",
                "M" + time + "2000000 1048576 ../../../../../../../.x")) {
            write(value);
            Found found = of(tier.get(KEY));
            assertThat(found.entry()).as(value).isNull();
        }
        write("Ezzzzzzzzzzzzzzzzhello");
        assertThat(of(tier.get(KEY)).entry()).isEqualTo("hello".getBytes(StandardCharsets.US_ASCII));
        assertThat(of(tier.put(KEY, ENTRY, 1, MINUTE)))
                .as("replaces a value with an invalid time")
                .isTrue();
    }

    @Test
    void valuesOfAnotherTypeFailOnlyTheirKey() {
        RedisTier tier = machine();
        for (byte[] name : List.of(names.entry(KEY), names.lease(KEY), names.waiters(KEY))) {
            server.ask("RPUSH", text(name), "x");
        }
        assertFails(tier.get(KEY), "WRONGTYPE");
        assertFails(tier.put(KEY, ENTRY, 1, MINUTE), "WRONGTYPE");
        assertFails(tier.lease(KEY, MINUTE, MINUTE), "WRONGTYPE");
        assertThat(tier.isAvailable()).isTrue();
        byte[] other = KEY.clone();
        other[0] = 1;
        assertThat(of(tier.get(other)).entry()).isNull();
        assertThat(of(tier.remove(KEY, 1))).isPositive();
        until(() -> of(tier.put(KEY, ENTRY, 1, MINUTE)));
    }

    /** A value that is too long is not even sent by the server. */
    @Test
    void aValueThatIsTooLongIsNotRead() {
        RedisTier tier = machine();
        server.ask("SETRANGE", text(names.entry(KEY)), "400000000", "x");
        assertThat(of(tier.get(KEY)).entry()).isNull();
    }

    @Test
    void aMissingOrWrongPartMakesAMiss() {
        RedisTier tier = machine();
        byte[] entry = new byte[3_000_000];
        new Random(1).nextBytes(entry);
        String manifestSalt = "BBBBBBBBBBBBBBBBBBBBBB";
        assertThat(of(tier.put(KEY, entry, 1, MINUTE))).isTrue();
        assertThat(Arrays.equals(of(tier.get(KEY)).entry(), entry)).isTrue();
        write("M1700000000000000" + "1100000 1048576 " + manifestSalt);
        assertThat(of(tier.get(KEY)).entry()).isNull();
        server.ask("SETRANGE", text(names.part(KEY, manifestSalt, 0)), "1048575", "x");
        assertThat(of(tier.get(KEY)).entry()).isNull();
        server.ask("SETRANGE", text(names.part(KEY, manifestSalt, 1)), "51423", "x");
        assertThat(of(tier.get(KEY)).entry()).hasSize(1_100_000);
        server.ask("SETRANGE", text(names.part(KEY, manifestSalt, 1)), "51424", "x");
        assertThat(of(tier.get(KEY)).entry()).isNull();
        server.ask("SETRANGE", text(names.part(KEY, manifestSalt, 0)), "300000000", "x");
        assertThat(of(tier.get(KEY)).entry()).isNull();
    }

    /** Published messages that are not notices are ignored, and notices continue. */
    @Test
    void noticesOfOthersAreIgnored() throws InterruptedException {
        RedisTier tier = machine();
        Recorder recorder = new Recorder();
        tier.listen(0, recorder);
        recorder.until("caught up");
        String channel = text(names.notices());
        String machine = "AAAAAAAAAAAAAAAAAAAAAA";
        for (String notice : List.of(
                "",
                "B",
                "Bxxx",
                "B" + machine + "000000000000000100000000000000",
                "B" + machine + "00000000000000010000000000000002",
                "B" + machine + "000000000000000x0000000000000002name",
                "B" + machine + "00000000000000010000000000000002" + "n".repeat(65),
                "X" + machine + "00000000000000010000000000000002name")) {
            server.ask("PUBLISH", channel, notice);
        }
        of(tier.raise("mine".getBytes(StandardCharsets.US_ASCII)));
        assertThat(recorder.until("mine")).allMatch(told -> told.equals("caught up") || told.equals("mine"));
    }

    @Test
    void manyCallsAtOnceAllEnd() {
        RedisTier tier = machine();
        List<CompletableFuture<Boolean>> puts = new ArrayList<>();
        byte[] entry = new byte[500_000];
        for (int i = 0; i < 1_000; i++) {
            byte[] key = KEY.clone();
            key[0] = (byte) i;
            puts.add(tier.put(key, entry, 1, MINUTE).toCompletableFuture());
        }
        int kept = 0;
        for (CompletableFuture<Boolean> put : puts) {
            if (succeeds(put)) {
                kept++;
            } else {
                assertFails(put, "too much is under way");
            }
        }
        assertThat(kept).as("as many as there was room for, at least").isBetween(100, 1_000);
    }
}
