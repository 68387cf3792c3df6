package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Two proxies, one with the shortcut and one without it, give the same answers to the same bytes: heads that are nearly
 * the same, lengths that are wrong or oddly spelt, requests in pieces and several at once.
 */
class ShortcutFuzzTest extends WireTest {
    private static final int CONNECTIONS = Integer.getInteger("refrain.fuzz", 200);
    private static final String RESET = "(reset)";
    private static final Pattern LENGTH = Pattern.compile("(?i)\r\ncontent-length: *([0-9]+)\r\n");

    /** Lines that vary from request to request; an empty text means no line. */
    private static final String[][] FIELDS = {
        {"X-OpenRouter-Cache: true\r\n", "X-OpenRouter-Cache: true\r\n", "X-OpenRouter-Cache: TRUE\r\n", ""},
        {"Authorization: Bearer sk-one\r\n", "Authorization: Bearer sk-one\r\n", "Authorization: Bearer sk-two\r\n", ""
        },
        {
            "",
            "",
            "",
            "",
            "Cache-Control: no-cache\r\n",
            "Cache-Control: max-age=1000\r\n",
            "X-OpenRouter-Cache-Clear: true\r\n"
        },
        {
            "",
            "",
            "",
            "",
            "",
            "Connection: close\r\n",
            "Expect: 100-continue\r\n",
            "Broken\r\n",
            " folded\r\n",
            "X: \u0000\r\n"
        },
    };

    private static final String[] BODIES = {
        "{\"n\":1}",
        "{\"n\":1}",
        "{\"n\":2}",
        "{ \"n\": 1 }",
        "{\"n\":1,\"stream\":false}",
        "{\"n\":1",
        "[1]",
        "",
        "{\"n\":\"POST /v1/chat/completions HTTP/1.1\\r\\n\"}",
        "{\"background\":true}"
    };

    private final Random random = new Random();
    private int shortcuts;

    @Test
    void bothWaysAnswerAlike() throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange, 200, "{\"choices\":[{\"finish_reason\":\"stop\"}],\"echo\":" + request.body() + "}"));
        Path presets = folder.resolve("presets.yaml");
        // If presets are configured, no request takes the shortcut.
        Files.writeString(presets, "presets:\n  - slug: unused\n    cache_enabled: true\n");
        int answers = 0;
        try (RunningProxy through = new RunningProxy(
                folder.resolve("other.refrain"), provider.base(), Map.of(), "--config", presets.toString())) {
            Random seeds = new Random();
            for (int i = 0; i < CONNECTIONS; i++) {
                long seed = seeds.nextLong();
                random.setSeed(seed);
                boolean ahead = random.nextInt(4) == 0;
                List<String> sent = requests(ahead);
                long cuts = random.nextLong();
                List<String> expected = answers(through, sent, ahead, new Random(cuts));
                List<String> actual = answers(proxy, sent, ahead, new Random(cuts));
                if (expected.contains(RESET) || actual.contains(RESET)) {
                    // A reset overtakes an unknown part of what was being sent.
                    int both = Math.min(expected.size(), actual.size()) - 1;
                    expected.subList(Math.max(0, both), expected.size()).clear();
                    actual.subList(Math.max(0, both), actual.size()).clear();
                }
                assertThat(actual).as("seed %d: %s", seed, sent).isEqualTo(expected);
                answers += expected.size();
            }
        }
        assertThat(answers).isGreaterThan(CONNECTIONS);
        // About forty are expected; fewer than this cannot be chance.
        assertThat(shortcuts).isGreaterThan(CONNECTIONS / 50);
        long hits = proxy.stats().hits();
        assertThat(hits).isPositive();
        until(() -> proxy.activity().stats().requests().hit() == hits);
    }

    /** @param ahead whether all requests are sent before the first is answered, so that lengths may be wrong */
    private List<String> requests(boolean ahead) {
        List<String> all = new ArrayList<>();
        String usual = head(false);
        for (int left = 1 + random.nextInt(6); left > 0; left--) {
            String body = BODIES[random.nextInt(BODIES.length)];
            String head = random.nextInt(4) > 0 ? usual : head(true);
            String end = random.nextInt(40) == 0 ? "\n" : "\r\n";
            all.add(head + length(body, random.nextInt(ahead ? 30 : 27)) + end + body);
        }
        // In any case, the server closes after this request.
        all.add(head(false) + "Connection: close\r\nContent-Length: 7\r\n\r\n{\"n\":1}");
        return all;
    }

    private String head(boolean odd) {
        StringBuilder head = new StringBuilder("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n");
        for (String[] choices : FIELDS) {
            head.append(choices[odd ? random.nextInt(choices.length) : 0]);
        }
        return head.toString();
    }

    private static String length(String body, int kind) {
        int length = body.length();
        return switch (kind) {
            case 0 -> "Content-Length: 0" + length + "\r\n";
            case 1 -> "Content-Length: +" + length + "\r\n";
            case 2 -> "Content-Length: " + length + "\r\nContent-Length: " + length + "\r\n";
            case 3 -> "Content-Length:" + length + "\r\n";
            case 4 -> "content-length: " + length + "\r\n";
            case 5 -> "Content-Length: " + length + " \r\n";
            case 6 -> "Content-Length: " + length + "\r\nTransfer-Encoding: chunked\r\n";
            case 27 -> "Content-Length: " + (length + 1) + "\r\n";
            case 28 -> "Content-Length: " + Math.max(0, length - 1) + "\r\n";
            case 29 -> "";
            default -> "Content-Length: " + length + "\r\n";
        };
    }

    /** The answers on one connection, without values that differ each time, with sorted fields. */
    private List<String> answers(RunningProxy from, List<String> requests, boolean ahead, Random cuts)
            throws IOException {
        StringBuilder all = new StringBuilder();
        boolean reset = false;
        try (RawClient client = new RawClient(from.port())) {
            try {
                for (String request : requests) {
                    int cut = cuts.nextInt(4) == 0 ? cuts.nextInt(request.length()) : 0;
                    client.send(request.substring(0, cut));
                    client.send(request.substring(cut));
                    if (!ahead) {
                        String answer = client.readResponse();
                        all.append(answer.startsWith("HTTP/1.1 100") ? client.readResponse() : answer);
                    }
                }
            } catch (IOException closedAlready) {
                reset = true;
            }
            String rest = client.readToTheEnd();
            reset |= rest.endsWith(RESET);
            all.append(rest.replace(RESET, ""));
        }
        List<String> answers = parts(all.toString());
        if (reset) {
            answers.add(RESET);
        }
        return answers;
    }

    private List<String> parts(String received) {
        List<String> answers = new ArrayList<>();
        int at = 0;
        while (at < received.length()) {
            int body = received.indexOf("\r\n\r\n", at) + 4;
            if (body < 4) {
                // After a refused request, the server reads nothing more, and the reset overtakes the answer.
                break;
            }
            String head = received.substring(at, body);
            shortcuts += ShortcutTest.isShort(head) ? 1 : 0;
            Matcher length = LENGTH.matcher(head);
            if (head.startsWith("HTTP/1.1 100")) {
                // This response is sent only to clients that wait for it before they send the body.
                at = body;
                continue;
            }
            int end = length.find() ? body + Integer.parseInt(length.group(1)) : body;
            if (end > received.length()) {
                break;
            }
            String[] lines = head.replaceAll("(gen|req)-\\d+-\\w{20}", "$1")
                    .replaceAll("(?i)date: [^\r]*", "Date")
                    // The two fetches may have taken different times.
                    .replaceAll("X-Refrain-Saved-Ms: \\d+\r\n", "")
                    .replaceAll("key=\"\\w+\"", "key")
                    .replaceAll("(Age: |[ht]tl=|TTL: )\\d+", "$1n")
                    .split("\r\n");
            Arrays.sort(lines);
            answers.add(String.join("\n", lines) + "\n"
                    + received.substring(body, end).replaceAll("gen-\\d+-\\w{20}", "gen"));
            at = end;
        }
        return answers;
    }
}
