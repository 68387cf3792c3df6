package dev.refrain.engine.internal.request;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.Await;
import dev.refrain.testing.OwnThread;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8785 with its own samples (3.2.2, 3.2.3 and appendix B), and documents that have no canonical form. */
class CanonicalJsonTest {
    private static String canonical(String document) {
        byte[] bytes = CanonicalJson.of(document.getBytes(StandardCharsets.UTF_8), 10_000);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    /** On the heap, a parsed value takes many times its length, and clients determine the number of values. */
    @Test
    void w40_aDocumentOfVeryManyValuesHasNoCanonicalForm() {
        byte[] document = "{\"a\":[1,1,1],\"b\":{}}".getBytes(StandardCharsets.UTF_8);
        assertThat(CanonicalJson.of(document, 6)).isEqualTo(document);
        assertThat(CanonicalJson.of(document, 5)).isNull();
    }

    @Test
    void w40_aDocumentThatTakesMuchOfTheHeapHasNoCanonicalForm() {
        int longest = Math.toIntExact(Runtime.getRuntime().maxMemory() / 64);
        byte[] body = ("{\"b\":\"" + "x".repeat(longest - 8) + "\"}").getBytes(StandardCharsets.UTF_8);
        assertThat(CanonicalJson.of(RequestScan.of(body, 0, body.length))).isEqualTo(body);
        body = ("{\"b\":\"" + "x".repeat(longest - 7) + "\"}").getBytes(StandardCharsets.UTF_8);
        assertThat(CanonicalJson.of(RequestScan.of(body, 0, body.length))).isNull();
    }

    /** Otherwise one client's long documents, read by many threads, could fill the heap. Short ones do not wait. */
    @Test
    void longDocumentsAreParsedOneAtATime() {
        byte[] body = ("{\"b\":\"" + "x".repeat(300_000) + "\"}").getBytes(StandardCharsets.UTF_8);
        byte[] brief = "{}".getBytes(StandardCharsets.UTF_8);
        CompletableFuture<byte[]> canonical = new CompletableFuture<>();
        Thread other = new Thread(() -> canonical.complete(CanonicalJson.of(RequestScan.of(body, 0, body.length))));
        CanonicalJson.ONE_LONG.lock();
        try {
            other.start();
            Await.until(() -> canonical.isDone() || CanonicalJson.ONE_LONG.hasQueuedThread(other));
            assertThat(canonical).isNotDone();
            assertThat(CompletableFuture.supplyAsync(
                            () -> CanonicalJson.of(RequestScan.of(brief, 0, brief.length)), OwnThread.EACH))
                    .succeedsWithin(Duration.ofSeconds(60))
                    .isEqualTo(brief);
        } finally {
            CanonicalJson.ONE_LONG.unlock();
        }
        assertThat(canonical).succeedsWithin(Duration.ofSeconds(60)).isEqualTo(body);
    }

    @Test
    void w40_theSampleOfTheRfc() {
        assertThat(canonical("""
                {
                  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                  "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
                  "literals": [null, true, false]
                }"""))
                .isEqualTo("{\"literals\":[null,true,false],"
                        + "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
                        + "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    }

    @Test
    void w40_propertiesAreSortedByUtf16() {
        assertThat(canonical("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,"
                        + "\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}"))
                .isEqualTo("{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,"
                        + "\"\u20ac\":1,\"\ud83d\ude00\":5,\"\ufb33\":3}");
    }

    @ParameterizedTest
    @CsvSource({
        "0,0",
        "-0,0",
        "0.0,0",
        "-0e5,0",
        "1.0,1",
        "10e-1,1",
        "5e-324,5e-324",
        "-5e-324,-5e-324",
        "1.7976931348623157e308,1.7976931348623157e+308",
        "9007199254740992,9007199254740992",
        "-9007199254740992,-9007199254740992",
        "9007199254740993,9007199254740993",
        "295147905179352830000,295147905179352830000",
        "295147905179352830000.0,295147905179352830000",
        "9.999999999999997e22,9.999999999999997e+22",
        "1e23,1e+23",
        "1.0000000000000001e23,1.0000000000000001e+23",
        "999999999999999700000.0,999999999999999700000",
        "1e21,1e+21",
        "9.999999999999997e-7,9.999999999999997e-7",
        "0.000001,0.000001",
        "333333333.3333332,333333333.3333332",
        "333333333.33333325,333333333.33333325",
        "-0.0000033333333333333333,-0.0000033333333333333333",
        "1424953923781206.2,1424953923781206.2",
        "1e400,1e400",
        "1e-400,1e-400",
        "0e-999999999,0",
    })
    void w40_equalNumbersHaveOneCanonicalForm(String spelt, String canonical) {
        assertThat(canonical("[" + spelt + "]")).isEqualTo("[" + canonical + "]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{\"a\":1,\"a\":1}", "{\"x\":[{\"a\":1,\"\\u0061\":2}]}", "[\"\\ud800\"]", "{\"\\udc00\":1}"})
    void w40_ambiguousOrBrokenTextHasNoCanonicalForm(String document) {
        assertThat(canonical(document)).isNull();
    }

    @Test
    void w40_asDeepAsRequestsMayBe() {
        String deep = "{\"a\":".repeat(999) + "[]" + "}".repeat(999);
        assertThat(canonical(deep)).isEqualTo(deep);
    }
}
