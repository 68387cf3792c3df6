package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Spans of requests and of calls to providers, as OpenTelemetry's SDK gets them. */
class TracesTest extends WireTest {
    private static final String PARENT = "traceparent";
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String SENT = "00-" + TRACE + "-00f067aa0ba902b7-01";

    private final InMemorySpanExporter exporter = InMemorySpanExporter.create();
    private final SdkTracerProvider recording = SdkTracerProvider.builder()
            .addSpanProcessor(SimpleSpanProcessor.create(exporter))
            .build();
    private boolean isThere = true;

    @Override
    RunningProxy startProxy(Map<String, String> variables, String... flags) throws IOException {
        GlobalOpenTelemetry.resetForTest();
        if (isThere) {
            GlobalOpenTelemetry.set(OpenTelemetrySdk.builder()
                    .setTracerProvider(recording)
                    .setPropagators(ContextPropagators.create(W3CTraceContextPropagator.getInstance()))
                    .build());
        }
        return super.startProxy(variables, flags);
    }

    @AfterEach
    void forget() {
        GlobalOpenTelemetry.resetForTest();
        recording.close();
    }

    /** The ended spans, once there are that many. */
    private List<SpanData> spans(int count) {
        until(() -> exporter.getFinishedSpanItems().size() >= count);
        List<SpanData> spans = exporter.getFinishedSpanItems();
        assertThat(spans).hasSize(count);
        exporter.reset();
        return spans;
    }

    private static SpanData of(List<SpanData> spans, SpanKind kind) {
        return spans.stream().filter(span -> span.getKind() == kind).findFirst().orElseThrow();
    }

    private static String text(SpanData span, String attribute) {
        return span.getAttributes().get(stringKey(attribute));
    }

    private static Long number(SpanData span, String attribute) {
        return span.getAttributes().get(longKey(attribute));
    }

    private String atTheProvider(int call, String field) {
        return provider.received().get(call).headers().getFirst(field);
    }

    @Test
    void aMissHasASpanAndItsCallAChildSpan() {
        HttpResponse<String> miss =
                proxy.cached(CHAT + "?secret=1", CHAT_REQUEST, PARENT, SENT, "tracestate", "a=b", "X-Request-Id", "me");
        assertMiss(miss);
        List<SpanData> spans = spans(2);
        SpanData request = of(spans, SpanKind.SERVER);
        SpanData call = of(spans, SpanKind.CLIENT);

        assertThat(request.getTraceId()).isEqualTo(TRACE);
        assertThat(request.getParentSpanId()).isEqualTo("00f067aa0ba902b7");
        assertThat(request.getName()).isEqualTo("POST /chat/completions");
        assertThat(request.getInstrumentationScopeInfo().getName()).isEqualTo("dev.refrain");
        assertThat(text(request, "http.request.method")).isEqualTo("POST");
        assertThat(text(request, "http.route")).isEqualTo("/chat/completions");
        assertThat(text(request, "url.path")).isEqualTo(CHAT);
        assertThat(number(request, "http.response.status_code")).isEqualTo(200);
        assertThat(text(request, "gen_ai.operation.name")).isEqualTo("chat");
        assertThat(text(request, "gen_ai.request.model")).isEqualTo("acme/large");
        assertThat(text(request, "gen_ai.response.id")).isEqualTo(header(miss, GENERATION));
        assertThat(text(request, "refrain.cache")).isEqualTo("miss");
        assertThat(text(request, "refrain.request_id")).isEqualTo("me");
        assertThat(text(request, "refrain.key")).matches("[0-9a-f]{12}");
        assertThat(request.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);

        assertThat(call.getTraceId()).isEqualTo(TRACE);
        assertThat(call.getParentSpanId()).isEqualTo(request.getSpanId());
        assertThat(call.getName()).isEqualTo("chat acme/large");
        assertThat(text(call, "gen_ai.operation.name")).isEqualTo("chat");
        assertThat(text(call, "gen_ai.provider.name")).isEqualTo("openai");
        assertThat(text(call, "gen_ai.request.model")).isEqualTo("acme/large");
        assertThat(text(call, "gen_ai.response.id")).isEqualTo("chatcmpl-123");
        assertThat(call.getAttributes().get(stringArrayKey("gen_ai.response.finish_reasons")))
                .containsExactly("stop");
        assertThat(number(call, "gen_ai.usage.input_tokens")).isEqualTo(9);
        assertThat(number(call, "gen_ai.usage.output_tokens")).isEqualTo(12);
        assertThat(text(call, "server.address")).isEqualTo(provider.base().getHost());
        assertThat(number(call, "server.port")).isEqualTo(provider.base().getPort());
        assertThat(number(call, "http.response.status_code")).isEqualTo(200);
        assertThat(request.getStartEpochNanos()).isLessThan(request.getEndEpochNanos());

        // The provider receives the call's span as its parent.
        assertThat(provider.received().get(0).headers().get(PARENT))
                .containsExactly("00-" + TRACE + "-" + call.getSpanId() + "-01");
        assertThat(atTheProvider(0, "tracestate")).isEqualTo("a=b");
        assertThat(spans.toString()).doesNotContain("secret", "sk-", "Hello", "\"hi\"");
    }

    @Test
    void aHitHasASingleSpanAlsoThroughTheShortcut() {
        proxy.cached(CHAT, CHAT_REQUEST, PARENT, SENT);
        spans(2);
        for (int i = 0; i < 4; i++) {
            HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, PARENT, SENT);
            assertHit(hit);
            SpanData span = spans(1).get(0);
            assertThat(span.getKind()).isEqualTo(SpanKind.SERVER);
            assertThat(span.getTraceId()).isEqualTo(TRACE);
            assertThat(span.getParentSpanId()).isEqualTo("00f067aa0ba902b7");
            assertThat(text(span, "refrain.cache")).isEqualTo("hit");
            assertThat(text(span, "gen_ai.request.model")).isEqualTo("acme/large");
            assertThat(text(span, "gen_ai.response.id")).isEqualTo(header(hit, GENERATION));
            assertThat(number(span, "http.response.status_code")).isEqualTo(200);
        }
        // Another trace on the same connection.
        String other = SENT.replace("4bf9", "aaaa");
        proxy.cached(CHAT, CHAT_REQUEST, PARENT, other);
        assertThat(spans(1).get(0).getTraceId()).isEqualTo(TRACE.replace("4bf9", "aaaa"));
        // A request without a trace.
        proxy.cached(CHAT, CHAT_REQUEST);
        SpanData root = spans(1).get(0);
        assertThat(root.getParentSpanContext().isValid()).isFalse();
    }

    @Test
    void failuresAreMarkedOnSpans() {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 429, "{\"error\":\"secret words\"}"));
        proxy.cached(CHAT, CHAT_REQUEST);
        List<SpanData> refused = spans(2);
        assertThat(text(of(refused, SpanKind.CLIENT), "error.type")).isEqualTo("429");
        assertThat(of(refused, SpanKind.CLIENT).getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        // The fault is the client's, so the server's span has no error status.
        assertThat(of(refused, SpanKind.SERVER).getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
        assertThat(number(of(refused, SpanKind.SERVER), "http.response.status_code"))
                .isEqualTo(429);
        assertThat(refused.toString()).doesNotContain("secret words");

        provider.close();
        HttpResponse<String> gone = proxy.cached(CHAT, CHAT_REQUEST);
        List<SpanData> failed = spans(2);
        assertThat(gone.statusCode()).isEqualTo(502);
        assertThat(of(failed, SpanKind.CLIENT).getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(text(of(failed, SpanKind.CLIENT), "error.type")).isNotNull();
        assertThat(of(failed, SpanKind.SERVER).getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(text(of(failed, SpanKind.SERVER), "error.type")).isEqualTo("502");
    }

    @Test
    void longAttributesAreTruncated() {
        proxy.send(proxy.post(CHAT, CHAT_REQUEST.replace("acme/large", "m".repeat(5000))));
        for (SpanData span : spans(2)) {
            assertThat(text(span, "gen_ai.request.model")).startsWith("mmm").hasSizeLessThanOrEqualTo(300);
            assertThat(span.getName()).hasSizeLessThanOrEqualTo(310);
        }
    }

    @Test
    void streamsAndOtherEndpointsAreFollowedToTheirEnd() {
        proxy.cached(CHAT, CHAT_STREAM_REQUEST);
        SpanData stream = of(spans(2), SpanKind.CLIENT);
        assertThat(text(stream, "gen_ai.response.id")).isEqualTo("chatcmpl-9");
        proxy.send(proxy.post("/v1/messages", CHAT_REQUEST));
        List<SpanData> uncached = spans(2);
        assertThat(text(of(uncached, SpanKind.CLIENT), "gen_ai.provider.name")).isEqualTo("anthropic");
        assertThat(of(uncached, SpanKind.SERVER).getName()).isEqualTo("POST /messages");
        assertThat(text(of(uncached, SpanKind.SERVER), "refrain.cache")).isEqualTo("off");
        proxy.send(proxy.post("/v1/embeddings", "{\"model\":\"small\",\"input\":\"hi\"}"));
        assertThat(of(spans(2), SpanKind.CLIENT).getName()).isEqualTo("embeddings small");
        proxy.send(proxy.post("/v1/rerank", "{}", PARENT, SENT));
        assertThat(atTheProvider(3, PARENT)).isEqualTo(SENT);
        // If the request to {@code /rerank} had a span, that span would have ended before these two.
        proxy.send(proxy.post("/v1/embeddings", "{\"model\":\"large\",\"input\":\"hi\"}"));
        List<SpanData> last = spans(2);
        assertThat(of(last, SpanKind.SERVER).getName()).isEqualTo("POST /embeddings");
        assertThat(of(last, SpanKind.CLIENT).getName()).isEqualTo("embeddings large");
    }

    @Test
    void withoutAnAgentOrSdkNothingIsTracedAndTraceparentIsPassedOn() throws IOException {
        isThere = false;
        restart(Map.of());
        assertThat(proxy.activity().traces()).isNull();
        proxy.cached(CHAT, CHAT_REQUEST, PARENT, SENT, "tracestate", "a=b");
        assertThat(provider.received().get(0).headers().get(PARENT)).containsExactly(SENT);
        assertThat(atTheProvider(0, "tracestate")).isEqualTo("a=b");
    }
}
