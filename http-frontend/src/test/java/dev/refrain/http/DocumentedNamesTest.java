package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Classes, members and places that documents and comments name exist under these names. */
class DocumentedNamesTest {
    private static final Path ROOT = Path.of("..");

    /** A class's name of two words or more, such as {@code CaptureSink}. A name of one word could be any word. */
    private static final Pattern CLASS = Pattern.compile("(?<![\\w.$-])[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+(?![\\w-])");

    private static final Pattern DECLARED = Pattern.compile("\\b(?:class|interface|record|enum) ([A-Z]\\w*)");
    private static final Pattern WORD = Pattern.compile("\\b[A-Z]\\w+\\b");
    private static final Pattern COMMENT = Pattern.compile("/\\*(?:[^*]++|\\*(?!/))*+\\*/|//[^\\n]*");
    private static final Pattern QUOTED = Pattern.compile("`([^`\\n]+)`");
    private static final Pattern EXAMPLE = Pattern.compile("(?ms)^ *```.*?^ *```$");
    /** A member, such as {@code CachePipeline.takeBack}, with or without the folders before it. */
    private static final Pattern MEMBER = Pattern.compile("(?:\\w+/)*([A-Z]\\w+)\\.(\\w+)(?:\\(.*\\))?");
    /** A place, such as {@code engine/internal/hot}, {@code http/proxy/Parts} or {@code console/admin/Gate.secret}. */
    private static final Pattern PLACE = Pattern.compile("([a-z0-9]+)/(\\w+(?:/\\w+)*)(?:\\.\\w+)?");

    /** The names that docs/ARCHITECTURE.md uses for folders. */
    private static final Map<String, String> FOLDERS = Map.of(
            "http", "http-frontend/src/main/java/dev/refrain/http",
            "engine", "engine/src/main/java/dev/refrain/engine",
            "semantics", "http-semantics/src/main/java/dev/refrain/semantics",
            "upstream", "upstream-client/src/main/java/dev/refrain/http/upstream",
            "config", "settings/src/main/java/dev/refrain/http/config",
            "console", "console/src/main/java/dev/refrain/console",
            "http2", "server-http2/src/main/java/dev/refrain/http2");

    /** Names of other projects in the documents. */
    private static final Set<String> OF_OTHERS = Set.of(
            "AnthropicOkHttpClient",
            "BodyPublishers",
            "CacheManager",
            "ChatClient",
            "ChunkReader",
            "CompileThresholdScaling",
            "CompletableFutureDelayScheduler",
            "CompilerThreadPriority",
            "CompletionStage",
            "ConcurrentHashMap",
            "EmbeddingModel",
            "FreqInlineSize",
            "HttpClient",
            "HttpClientBuilder",
            "HttpClientBuilderLoader",
            "HttpHeaders",
            "HttpOnly",
            "HttpServerConnection",
            "HttpURLConnection",
            "IllegalArgumentException",
            "InlineSmallCode",
            "InternalError",
            "KiB",
            "LongAdder",
            "ManyToOneRingBuffer",
            "MaxDirectMemorySize",
            "MaxRAMPercentage",
            "OkHttpClient",
            "OpenAIOkHttpClient",
            "OpenAiChatModel",
            "OutOfMemoryError",
            "SameSite",
            "SelectorProvider",
            "ServerSocketChannel",
            "TieredStopAtLevel",
            "VanillaChronicleMap",
            "VarHandle");
    /** Names that the documents mention as abandoned, or as placeholders. */
    private static final Set<String> NONE = Set.of("AnswerCache", "RefrainCache", "FooTest", "FuzzTest");
    /** Words in comments that are in no code: products, flags of the JVM, classes of other projects. */
    private static final Set<String> IN_COMMENTS = Set.of(
            "ArchiveClassesAtExit",
            "DevTools",
            "FileStore",
            "GitHub",
            "GreetingTest",
            "LangChain",
            "LangChain4j",
            "MadeYouReset",
            "McNemar",
            "OkHttp",
            "OpenMetrics",
            "OpenSSL",
            "SharedArchiveFile",
            "SoCC",
            "SplitMix64",
            "SslConduit",
            "ToS");

    private static final Map<Path, String> SOURCES = new HashMap<>();
    /** The files that declare a class, by the class's name. */
    private static final Map<String, List<Path>> CLASSES = new HashMap<>();
    /** Words in code that begin with a capital, classes of libraries included. */
    private static final Set<String> IN_CODE = new HashSet<>();

    @BeforeAll
    static void read() throws IOException {
        try (Stream<Path> modules = Files.walk(ROOT, 2)) {
            for (Path module : modules.filter(Files::isDirectory).toList()) {
                Path folder = module.resolve("src");
                if (Files.isDirectory(folder)) {
                    try (Stream<Path> files = Files.walk(folder)) {
                        for (Path file : files.filter(each -> each.toString().endsWith(".java"))
                                .toList()) {
                            SOURCES.put(file, Files.readString(file));
                        }
                    }
                }
            }
        }
        SOURCES.forEach((file, text) -> {
            String code = COMMENT.matcher(text).replaceAll("");
            DECLARED.matcher(code)
                    .results()
                    .forEach(found -> CLASSES.computeIfAbsent(found.group(1), name -> new ArrayList<>())
                            .add(file));
            WORD.matcher(code).results().forEach(found -> IN_CODE.add(found.group()));
        });
        assertThat(SOURCES).hasSizeGreaterThan(1_000);
    }

    @Test
    void eachClassThatAPageNamesExists() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path page : pages()) {
            for (String quoted : quoted(page)) {
                CLASS.matcher(quoted).results().map(MatchResult::group).forEach(name -> {
                    if (!CLASSES.containsKey(name) && !OF_OTHERS.contains(name) && !NONE.contains(name)) {
                        found.add(page.getFileName() + ": " + name);
                    }
                });
            }
        }
        assertThat(found).isEmpty();
    }

    @Test
    void eachMemberThatAPageNamesExistsInItsClass() throws IOException {
        List<String> found = new ArrayList<>();
        int members = 0;
        for (Path page : pages()) {
            for (String quoted : quoted(page)) {
                var member = MEMBER.matcher(quoted);
                if (member.matches() && CLASSES.containsKey(member.group(1))) {
                    members++;
                    Pattern name = Pattern.compile("\\b" + member.group(2) + "\\b");
                    if (CLASSES.get(member.group(1)).stream()
                            .noneMatch(file -> name.matcher(SOURCES.get(file)).find())) {
                        found.add(page.getFileName() + ": " + quoted);
                    }
                }
            }
        }
        assertThat(members).isGreaterThan(30);
        assertThat(found)
                .as("only RATIONALE names a member that was removed")
                .isSubsetOf("RATIONALE.md: CacheRequest.at(upstream, query)");
    }

    @Test
    void eachPlaceThatTheArchitecturePageNamesExists() throws IOException {
        List<String> found = new ArrayList<>();
        int places = 0;
        for (String quoted : quoted(ROOT.resolve("docs/ARCHITECTURE.md"))) {
            var place = PLACE.matcher(quoted);
            if (place.matches() && FOLDERS.containsKey(place.group(1))) {
                places++;
                Path there = ROOT.resolve(FOLDERS.get(place.group(1))).resolve(place.group(2));
                boolean isThere = Files.isDirectory(there)
                        || Files.isDirectory(ROOT.resolve(quoted))
                        || Files.exists(there.resolveSibling(there.getFileName() + ".java"));
                if (!isThere) {
                    found.add(quoted);
                }
            }
        }
        assertThat(places).isGreaterThan(80);
        assertThat(found).isEmpty();
    }

    @Test
    void eachClassThatACommentNamesExists() {
        List<String> found = new ArrayList<>();
        SOURCES.forEach((file, text) -> COMMENT.matcher(text)
                .results()
                .forEach(comment -> CLASS.matcher(comment.group())
                        .results()
                        .map(MatchResult::group)
                        .filter(name ->
                                !IN_CODE.contains(name) && !CLASSES.containsKey(name) && !IN_COMMENTS.contains(name))
                        .forEach(name -> found.add(file.getFileName() + ": " + name))));
        assertThat(found).isEmpty();
    }

    private static List<String> quoted(Path page) throws IOException {
        return QUOTED.matcher(EXAMPLE.matcher(Files.readString(page)).replaceAll(""))
                .results()
                .map(quoted -> quoted.group(1))
                .toList();
    }

    /** All pages, except those about the past and about other clients. */
    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")));
        try (Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
            docs.filter(page -> page.toString().endsWith(".md") && !page.endsWith("RECIPES.md"))
                    .forEach(pages::add);
        }
        return pages;
    }
}
