package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static dev.refrain.http.proxy.WireTest.assertHit;
import static dev.refrain.http.proxy.WireTest.assertMiss;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The executable jar with OpenTelemetry's Java agent, which replaces the jar's copy of the API. */
class TracesIT {
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String SENT = "00-" + TRACE + "-00f067aa0ba902b7-01";
    /** Name, trace, span and kind, as the agent's logging exporter prints them. */
    private static final Pattern SPAN =
            Pattern.compile("'([^']+)' : ([0-9a-f]{32}) ([0-9a-f]{16}) ([A-Z]+) \\[tracer: ([^:\\]]*)");

    @TempDir
    Path folder;

    private List<MatchResult> spans(RunningJar jar) {
        return SPAN.matcher(jar.err()).results().toList();
    }

    private List<MatchResult> ours(RunningJar jar) {
        return spans(jar).stream()
                .filter(span -> span.group(5).equals("dev.refrain"))
                .toList();
    }

    @Test
    void anAgentRecordsRequestsAndCalls() throws IOException {
        Path agent = Path.of(System.getProperty("opentelemetry.agent", "opentelemetry-javaagent.jar"));
        assumeTrue(Files.exists(agent), "skipped: mvn verify fetches " + agent + " when it is online");
        List<String> flags = new ArrayList<>(RunningJar.QUIET);
        flags.addAll(List.of(
                "-javaagent:" + agent,
                "-Dotel.traces.exporter=logging",
                "-Dotel.metrics.exporter=none",
                "-Dotel.logs.exporter=none",
                "-Dotel.bsp.schedule.delay=50",
                "-Dotel.instrumentation.common.default-enabled=false",
                "-Dotel.instrumentation.opentelemetry-api.enabled=true"));
        try (ScriptedProvider provider = new ScriptedProvider()
                        .does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
                RunningJar jar = RunningJar.start(flags, folder, provider.base())) {
            assertMiss(jar.cached(CHAT, CHAT_REQUEST, "traceparent", SENT));
            until(() -> ours(jar).size() >= 2);
            // The shortcut answers the last ones.
            for (int i = 0; i < 3; i++) {
                assertHit(jar.cached(CHAT, CHAT_REQUEST, "traceparent", SENT));
            }
            until(() -> ours(jar).size() >= 5);

            assertThat(ours(jar))
                    .hasSize(5)
                    .allSatisfy(span -> assertThat(span.group(2)).isEqualTo(TRACE));
            assertThat(ours(jar))
                    .filteredOn(span -> span.group(4).equals("SERVER"))
                    .hasSize(4);
            List<MatchResult> calls = ours(jar).stream()
                    .filter(span -> span.group(1).equals("chat acme/large"))
                    .toList();
            assertThat(calls).hasSize(1);
            assertThat(provider.received().get(0).headers().get("traceparent"))
                    .containsExactly("00-" + TRACE + "-" + calls.get(0).group(3) + "-01");
        }
    }
}
