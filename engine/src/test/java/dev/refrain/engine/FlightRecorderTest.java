package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.utf8;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The events of a cache in a recording of the JDK's Flight Recorder. */
class FlightRecorderTest {
    private static final List<String> EVENTS =
            List.of("dev.refrain.Lookup", "dev.refrain.Store", "dev.refrain.Evict", "dev.refrain.Sweep");

    @TempDir
    private Path folder;

    private final CachedResponse hit = new CachedResponse();

    @Test
    void eventsAreRecordedWhereARecordingAsksForThem() throws Exception {
        List<RecordedEvent> events = record(true);

        assertThat(ofType(events, "Lookup"))
                .extracting(event -> event.getString("result"))
                .contains("miss", "hit");
        RecordedEvent lookup = ofType(events, "Lookup").stream()
                .filter(event -> event.getString("result").equals("hit"))
                .findFirst()
                .orElseThrow();
        assertThat(lookup.getString("endpoint")).isEqualTo("chat");
        assertThat(lookup.getString("key")).matches("[0-9a-f]{12}");
        assertThat(lookup.getInt("bytes")).isEqualTo(hit.length());
        assertThat(lookup.getDuration()).isPositive();
        assertThat(ofType(events, "Store")).anySatisfy(event -> {
            assertThat(event.getBoolean("stored")).isTrue();
            assertThat(event.getInt("bytes")).isPositive();
        });
        assertThat(ofType(events, "Evict")).anySatisfy(event -> {
            assertThat(event.getInt("victims")).isPositive();
            assertThat(event.getLong("needed")).isPositive();
        });
        assertThat(ofType(events, "Sweep"))
                .anySatisfy(event -> assertThat(event.getInt("slices")).isPositive());
        assertThat(events.toString()).doesNotContain("sk-secret", "Say  hello");
    }

    @Test
    void aRecordingThatDoesNotAskHasNone() throws Exception {
        assertThat(record(false)).isEmpty();
        assertThat(FlightRecorder.getFlightRecorder().getEventTypes())
                .filteredOn(type -> EVENTS.contains(type.getName()))
                .hasSize(EVENTS.size())
                .noneMatch(EventType::isEnabled);
    }

    private List<RecordedEvent> record(boolean asks) throws IOException {
        try (Recording recording = new Recording()) {
            if (asks) {
                EVENTS.forEach(event -> recording.enable(event).withoutThreshold());
            }
            recording.start();
            use();
            recording.stop();
            Path file = folder.resolve("recording.jfr");
            recording.dump(file);
            return RecordingFile.readAllEvents(file).stream()
                    .filter(event -> EVENTS.contains(event.getEventType().getName()))
                    .toList();
        }
    }

    /** Fills a store beyond its capacity, and has it swept. */
    private void use() throws IOException {
        try (ResponseCache cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .preallocate(false)
                .sweepInterval(Duration.ofMillis(64))
                .open()) {
            CacheKey key = key(cache, "");
            cache.lookup(key, hit);
            cache.store(key, "application/json", utf8(CHAT_ANSWER), Duration.ofMinutes(5));
            assertThat(cache.lookup(key, hit)).isTrue();
            byte[] noise = new byte[150_000];
            new Random(1).nextBytes(noise);
            byte[] incompressible =
                    utf8(CHAT_ANSWER.replace("Hello", Base64.getEncoder().encodeToString(noise)));
            for (int i = 0; cache.admin().stats().store().evictions() == 0; i++) {
                cache.store(key(cache, " number " + i), "application/json", incompressible, Duration.ofMinutes(5));
            }
            until(() -> cache.admin().stats().store().details().sweptSlices() != 0);
        }
    }

    private static CacheKey key(ResponseCache cache, String more) {
        return cache.key(CacheRequest.of(
                        Endpoint.CHAT, "sk-secret", utf8(CHAT_REQUEST.replace("Say  hello", "Say  hello" + more))))
                .orElseThrow();
    }

    private static List<RecordedEvent> ofType(List<RecordedEvent> events, String name) {
        return events.stream()
                .filter(event -> event.getEventType().getName().equals("dev.refrain." + name))
                .toList();
    }
}
