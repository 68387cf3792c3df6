package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The jar in a process with a heap of 64 MiB, which ends at the first OutOfMemoryError. Each place where a client can
 * send its own text gets so many long texts that together they are far more than the heap. Nothing of these texts may
 * stay in memory.
 *
 * <p>{@code -Drefrain.smallheap=10} sends 5,000 in each place; 50 otherwise.
 */
class SmallHeapShapesIT {
    private static final int SCALE = Integer.getInteger("refrain.smallheap", 1);
    private static final int VALUES = 50 * SCALE * SCALE;
    private static final int CLIENTS = 8;

    private static final String PATH = "/v1/chat/completions";
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":"
                    + "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"yes\"},"
                    + "\"finish_reason\":\"stop\"}]}";
    /** With this heap, a head may have 16 KiB. */
    private static final String HEAD = "h".repeat(12_000);

    private static final String LONG = "n".repeat(400_000);

    /** A place for a client's text. Each constant makes a whole request with the text in that place. */
    enum Place {
        MODEL {
            @Override
            String request(String text) {
                return post(PATH, "", "{\"model\":\"" + text + LONG + "\"}");
            }
        },
        PRESET {
            @Override
            String request(String text) {
                return post(PATH, "", "{\"preset\":\"" + text + LONG + "\"}");
            }
        },
        NAME_OF_A_MEMBER {
            @Override
            String request(String text) {
                return post(PATH, "", "{\"" + text + LONG + "\":{\"" + text + "\":1}}");
            }
        },
        WHITE_SPACE {
            @Override
            String request(String text) {
                return post(PATH, "", "{\"" + text + "\":[" + "1 , ".repeat(500_000) + "1]}");
            }
        },
        DEPLOYMENT {
            @Override
            String request(String text) {
                return post("/openai/deployments/" + text + HEAD + "/chat/completions", "", "{}");
            }
        },
        FIELDS_OF_THE_KEY {
            @Override
            String request(String text) {
                String part = text + HEAD.substring(0, 5_000);
                return post(PATH, "anthropic-beta: " + part + "\r\nopenai-beta: " + part + "\r\n", "{}");
            }
        },
        USER_AND_TOOLS {
            @Override
            String request(String text) {
                return post(
                        PATH,
                        "",
                        "{\"user\":\"" + text + LONG + "\",\"tools\":[{\"function\":{\"name\":\"" + text + "\"}}]}");
            }
        },
        PREVIOUS_ID {
            @Override
            String request(String text) {
                return post("/v1/responses", "", "{\"previous_response_id\":\"" + text + LONG + "\",\"input\":\"a\"}");
            }
        },
        QUERY {
            @Override
            String request(String text) {
                return post(PATH + "?q=" + text + HEAD, "", "{}");
            }
        },
        NAMES_IN_THE_QUERY {
            @Override
            String request(String text) {
                return post(PATH + "?" + (text + "=&").repeat(500), "", "{}");
            }
        },
        PATH_OF_NO_ENDPOINT {
            @Override
            String request(String text) {
                return post("/v1/" + text + HEAD, "", "{}");
            }
        },
        FIELD_NAME {
            @Override
            String request(String text) {
                return post(PATH, "X-" + text + HEAD + ": 1\r\n", "{}");
            }
        },
        FIELD_VALUES {
            @Override
            String request(String text) {
                String part = text + HEAD.substring(0, 1_500);
                return post(
                        PATH,
                        "X-Title: " + part + "\r\nHTTP-Referer: " + part + "\r\nUser-Agent: " + part + "\r\nCookie: "
                                + part + "\r\nOrigin: " + part + "\r\nX-Generation-Id: " + part
                                + "\r\nX-OpenRouter-Cache-TTL: " + part + "\r\n",
                        "{}");
            }
        },
        CACHE_CONTROL {
            @Override
            String request(String text) {
                return post(PATH, "Cache-Control: " + text + "=" + HEAD + "\r\n", "{}");
            }
        },
        CREDENTIALS {
            @Override
            String request(String text) {
                return post(PATH, "x-api-key: " + text + HEAD + "\r\n", "{\"n\":1}");
            }
        },
        METHOD {
            @Override
            String request(String text) {
                return "M" + text + HEAD + " " + PATH + " HTTP/1.1\r\nHost: x\r\n\r\n";
            }
        },
        PREFLIGHT {
            @Override
            String request(String text) {
                String part = text + HEAD.substring(0, 5_000);
                return "OPTIONS " + PATH + " HTTP/1.1\r\nHost: x\r\nOrigin: http://" + part
                        + "\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: " + part
                        + "\r\n\r\n";
            }
        },
        WEBSOCKET {
            @Override
            String request(String text) {
                String part = text + HEAD.substring(0, 5_000);
                return "GET " + PATH + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + part + "\r\nSec-WebSocket-Protocol: "
                        + part + "\r\n\r\n";
            }
        },
        GENERATION_ID {
            @Override
            String request(String text) {
                return "GET /v1/generation?id=" + text + HEAD + " HTTP/1.1\r\nHost: x\r\n\r\n";
            }
        },
        TRAILERS {
            @Override
            String request(String text) {
                return chunked("2\r\n{}\r\n0\r\nX-" + text + ": " + HEAD + "\r\n\r\n");
            }
        },
        CHUNK_EXTENSIONS {
            @Override
            String request(String text) {
                return chunked("1;" + text + "=" + HEAD + "\r\n{\r\n1;" + text + "=" + HEAD + "\r\n}\r\n0\r\n\r\n");
            }
        },
        FILTERS_OF_THE_LOG(true) {
            @Override
            String request(String text) {
                String part = text + HEAD.substring(0, 5_000);
                return "GET /admin/api/activity?model=" + part + "&scope=" + part + " HTTP/1.1\r\nHost: x\r\n\r\n";
            }
        },
        PATH_OF_THE_ADMIN_LISTENER(true) {
            @Override
            String request(String text) {
                return "GET /admin/api/activity/" + text + HEAD + " HTTP/1.1\r\nHost: x\r\n\r\n";
            }
        },
        TOKEN_OF_THE_ADMIN_LISTENER(true) {
            @Override
            String request(String text) {
                return "GET /admin/api/stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + text + HEAD + "\r\n\r\n";
            }
        },
        EXPLAIN(true) {
            @Override
            String request(String text) {
                return post(
                        "/admin/api/explain",
                        "X-Refrain-Admin: 1\r\n",
                        "{\"endpoint\":\"chat\",\"headers\":{\"X-OpenRouter-Cache\":\"true\",\"authorization\":\""
                                + text + "\"},\"body\":{\"model\":\"" + text + LONG + "\",\"" + text + "\":1}}");
            }
        },
        PURGE(true) {
            @Override
            String request(String text) {
                return post("/admin/api/purge", "X-Refrain-Admin: 1\r\n", "{\"key\":\"" + text + HEAD + "\"}");
            }
        };

        /** Whether the request goes to the admin listener. */
        private final boolean admin;

        Place() {
            this(false);
        }

        Place(boolean admin) {
            this.admin = admin;
        }

        abstract String request(String text);

        private static String post(String target, String fields, String body) {
            return "POST " + target + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n"
                    + "Content-Type: application/json\r\n" + fields + "Content-Length: " + body.length() + "\r\n\r\n"
                    + body;
        }

        private static String chunked(String chunks) {
            return "POST " + PATH + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n" + chunks;
        }
    }

    @TempDir
    private static Path folder;

    private static ScriptedProvider provider;
    /** One process for all places, so that retained memory adds up. */
    private static RunningJar jar;

    @BeforeAll
    static void start() throws IOException {
        provider = new ScriptedProvider().does((exchange, request) -> {
            // Otherwise the provider would keep all requests: gigabytes, for 5,000 in each place.
            provider.received().clear();
            ScriptedProvider.json(exchange, 200, ANSWER);
        });
        List<String> jvm = new ArrayList<>(RunningJar.QUIET);
        jvm.addAll(List.of("-Xmx64m", "-XX:+ExitOnOutOfMemoryError"));
        jar = RunningJar.start(jvm, folder, provider.base());
    }

    @AfterAll
    static void stop() {
        jar.close();
        provider.close();
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(300)
    void f16_f17_nothingStaysOfLongTexts(Place place) throws Exception {
        int port = place.admin ? jar.admin().getPort() : jar.port();
        Map<String, AtomicInteger> statuses = new TreeMap<>();
        ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
        CountDownLatch done = new CountDownLatch(VALUES);
        for (int i = 0; i < VALUES; i++) {
            String request = place.name().toLowerCase(Locale.ROOT) + i;
            clients.execute(() -> {
                String status = statusOf(port, place.request(request.replace('_', '-')));
                synchronized (statuses) {
                    statuses.computeIfAbsent(status, any -> new AtomicInteger()).incrementAndGet();
                }
                done.countDown();
            });
        }
        clients.shutdown();
        // Meanwhile, ordinary requests are answered.
        for (int i = 0; !done.await(100, TimeUnit.MILLISECONDS); i++) {
            assertThat(jar.cached(PATH, "{\"ping\":\"" + place + i + "\"}").statusCode())
                    .isEqualTo(200);
        }
        assertThat(jar.isAlive()).as("%s; %s", statuses, jar.err()).isTrue();
        assertThat(jar.err()).doesNotContain("OutOfMemory").doesNotContain("Exception");
        assertThat(jar.cached(PATH, "{\"after\":1}").statusCode()).isEqualTo(200);
        // Every request had some outcome.
        assertThat(statuses).doesNotContainKey("none");
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (metric("refrain_memory_used_bytes") > 1 << 20 && System.nanoTime() < deadline) {
            // Waits until the outlines of bodies are made, with pauses, because each query is work for a small heap.
            Thread.sleep(50);
        }
        assertThat(metric("refrain_memory_used_bytes")).as("%s", statuses).isLessThan(1 << 20);
    }

    private static String statusOf(int port, String request) {
        try (RawClient client = new RawClient(port)) {
            try {
                client.send(request.getBytes(StandardCharsets.ISO_8859_1));
            } catch (IOException e) {
                // Refused before it was sent; the answer says why.
            }
            String head = client.readHead();
            return head.length() < "HTTP/1.1 200".length() ? "none" : head.substring(9, 12);
        } catch (IOException e) {
            return "none";
        }
    }

    private double metric(String name) {
        String page = jar.send(HttpRequest.newBuilder(jar.admin().resolve("/metrics")))
                .body();
        return page.lines()
                .filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
                .sum();
    }
}
