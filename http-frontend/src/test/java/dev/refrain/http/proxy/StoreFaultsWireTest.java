package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.SmallDisk;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Effects on clients and operators of a store that is full, read-only, removed or on a full disk: answers come, and one
 * line is logged.
 */
class StoreFaultsWireTest extends WireTest {
    private static final int ANSWER_BYTES = 1 << 20;

    private final CapturedLog log = new CapturedLog("dev.refrain");
    private SmallDisk disk;

    @BeforeEach
    void answerAtLength() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer(request.body())));
    }

    @AfterEach
    void unmount() {
        log.close();
        if (disk != null) {
            disk.close();
        }
    }

    /** An answer of its own for each request, which hardly compresses. */
    private static String answer(String request) {
        byte[] noise = new byte[ANSWER_BYTES * 3 / 4];
        new SplittableRandom(request.hashCode()).nextBytes(noise);
        return "{\"id\":\"chatcmpl-1\",\"choices\":[{\"message\":{\"content\":\""
                + Base64.getEncoder().encodeToString(noise) + "\"},\"finish_reason\":\"stop\"}]}";
    }

    private static String request(int number) {
        return "{\"model\":\"acme/large\",\"seed\":" + number + "}";
    }

    /** Asks and expects the whole answer, as a hit or a miss. Returns whether it was a hit. */
    private boolean ask(int number) {
        HttpResponse<String> response = proxy.cached(CHAT, request(number));
        assertThat(response.statusCode()).isEqualTo(200);
        String expected = answer(request(number));
        assertThat(response.body()).endsWith(expected.substring(expected.indexOf("\"choices\"")));
        return header(response, STATUS).equals("HIT");
    }

    private void mount(int mebibytes) throws IOException {
        disk = new SmallDisk(folder.resolve("disk"), mebibytes);
    }

    private void restartAt(Path store, Map<String, String> variables) throws IOException {
        proxy.close();
        proxy = new RunningProxy(store, provider.base(), variables);
    }

    private void assertServesWithoutStore(String reason) {
        for (int i = 0; i < 2; i++) {
            assertThat(ask(1)).isFalse();
        }
        assertThat(proxy.stats().store().drops()).isEqualTo(2);
        assertThat(proxy.startLine()).contains(", no store, dashboard ");
        // The log of requests fails for the same reason, and has its own line.
        assertThat(log.lines())
                .filteredOn(line -> !line.startsWith("SEVERE Requests are not logged: "))
                .singleElement()
                .asString()
                .startsWith("SEVERE Nothing will be cached. ")
                .contains(reason);
    }

    @Test
    void aFullStoreMakesRoom() {
        for (int i = 0; i < 45; i++) {
            assertThat(ask(i)).isFalse();
            assertThat(ask(i)).isTrue();
        }
        assertThat(proxy.stats().store().evictions()).isPositive();
        assertThat(proxy.stats().store().drops()).isZero();
        assertThat(log.lines()).isEmpty();
    }

    @Test
    void anAnswerTooLongForTheStoreIsPassedOn() {
        String large = CHAT_ANSWER.replace("Hello", answer("x").repeat(15).replace("\"", ""));
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, large));
        for (int i = 0; i < 3; i++) {
            HttpResponse<String> response = proxy.cached(CHAT, CHAT_REQUEST);
            assertMiss(response);
            assertThat(response.body()).isEqualTo(large);
        }
        assertThat(proxy.stats().store().drops()).isEqualTo(3);
        assertThat(log.lines()).singleElement().asString().contains("has no room for an entry of");
    }

    @Test
    void aFullDiskDoesNotAffectAPreallocatedStore() throws Exception {
        mount(40);
        restartAt(
                disk.resolve("answers"),
                Map.of("REFRAIN_ACTIVITY_FILE", folder.resolve("activity").toString()));
        disk.fill(0);
        aFullStoreMakesRoom();
    }

    @Test
    void aSparseStoreStopsBeforeTheDiskIsFull() throws Exception {
        mount(40);
        restartAt(disk.resolve("answers"), Map.of("REFRAIN_PREALLOCATE", "false"));
        List<Integer> stored = new ArrayList<>();
        for (int i = 0; i < 45; i++) {
            assertThat(ask(i)).isFalse();
            if (ask(i)) {
                stored.add(i);
            }
        }
        assertThat(stored).hasSizeBetween(10, 30).startsWith(0, 1, 2, 3);
        // A few may have been evicted, because segments fill unevenly.
        assertThat(stored.stream().filter(this::ask).count()).isGreaterThan(stored.size() / 2);
        assertThat(proxy.stats().store().drops()).isGreaterThanOrEqualTo(2L * (45 - stored.size()));
        assertThat(proxy.stats().store().failures()).isZero();
        assertThat(log.lines()).hasSize(2);
        assertThat(log.lines().get(0)).contains("is sparse and may still grow by");
        assertThat(log.lines().get(1)).contains("stores nothing for now, because only");
    }

    @Test
    void aDiskTooSmallForTheStoreIsOneLine() throws Exception {
        mount(24);
        restartAt(disk.resolve("answers"), Map.of());
        assertServesWithoutStore("free some space or configure a lower capacity");
    }

    @Test
    void aReadOnlyDiskIsOneLine() throws Exception {
        mount(40);
        restartAt(disk.resolve("answers"), Map.of());
        ask(1);
        proxy.close();
        assertThat(disk.remount("ro")).isTrue();
        restartAt(disk.resolve("answers"), Map.of());
        assertServesWithoutStore("No permission to read and write the store");
    }

    @Test
    void aRemovedStoreWorksUntilTheProcessEnds() throws Exception {
        restart(Map.of("REFRAIN_SWEEP_INTERVAL", "10ms"));
        ask(1);
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        until(() -> {
            assertThat(ask(1)).isTrue();
            return proxy.stats().store().failures() >= 1;
        });
        assertThat(proxy.stats().store().failures()).isEqualTo(1);
        assertThat(ask(2)).isFalse();
        assertThat(ask(2)).isTrue();
        assertThat(log.lines())
                .hasSize(3)
                .allSatisfy(
                        line -> assertThat(line).contains("has been removed or replaced while the cache has it open"));
        restart(Map.of());
        assertThat(ask(1)).isFalse();
        assertThat(ask(1)).isTrue();
    }

    @Test
    void aDirectoryInItsPlaceIsOneLine() throws IOException {
        byte[] precious = "do not touch".getBytes(StandardCharsets.UTF_8);
        Files.write(folder.resolve("file"), precious);
        restartAt(folder, Map.of());
        assertServesWithoutStore(folder + " is a directory; name a file in it");
        assertThat(folder.resolve("file")).hasBinaryContent(precious);
    }
}
