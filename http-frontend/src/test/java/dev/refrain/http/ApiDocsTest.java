package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Mechanical checks of the comments of public types: a package says what may be null, a type says which threads may use
 * it, and a method says what it does and which exceptions it throws.
 */
class ApiDocsTest {
    private static final Path ROOT = Path.of("..");

    /** The packages that programs are written against. */
    private static final List<String> PACKAGES = List.of(
            "engine/src/main/java/dev/refrain/engine",
            "engine/src/main/java/dev/refrain/engine/archive",
            "engine/src/main/java/dev/refrain/engine/exchange",
            "engine/src/main/java/dev/refrain/engine/memory",
            "engine/src/main/java/dev/refrain/engine/metrics",
            "engine/src/main/java/dev/refrain/engine/spi",
            "engine/src/main/java/dev/refrain/engine/stats",
            "engine/src/main/java/dev/refrain/engine/usage",
            "http-semantics/src/main/java/dev/refrain/semantics/client",
            "shared-tier/src/main/java/dev/refrain/shared/redis",
            "upstream-client/src/main/java/dev/refrain/http/upstream",
            "cassettes/src/main/java/dev/refrain/cassettes",
            "client-frontends/okhttp/src/main/java/dev/refrain/okhttp",
            "client-frontends/openai/src/main/java/dev/refrain/openai",
            "client-frontends/anthropic/src/main/java/dev/refrain/anthropic",
            "client-frontends/langchain4j/src/main/java/dev/refrain/langchain4j",
            "client-frontends/jdk-http/src/main/java/dev/refrain/jdkhttp",
            "client-frontends/spring-boot-starter/src/main/java/dev/refrain/spring",
            "client-frontends/junit5/src/main/java/dev/refrain/junit5");

    /**
     * Types of other packages: those that members of {@link #PACKAGES} name, and those that docs/CLIENTS.md tells
     * programs to use.
     */
    private static final List<String> TYPES = List.of(
            "console/src/main/java/dev/refrain/console/activity/ActivityLog",
            "console/src/main/java/dev/refrain/console/activity/ActivityOptions",
            "console/src/main/java/dev/refrain/console/activity/GenerationRecords",
            "console/src/main/java/dev/refrain/console/activity/ModelPrice",
            "console/src/main/java/dev/refrain/console/admin/AdminOptions",
            "console/src/main/java/dev/refrain/console/admin/ProgramConsole",
            "http-semantics/src/main/java/dev/refrain/semantics/RequestFields",
            "http-semantics/src/main/java/dev/refrain/semantics/answer/CacheHeaders",
            "http-semantics/src/main/java/dev/refrain/semantics/answer/ProxyException",
            "http-semantics/src/main/java/dev/refrain/semantics/caller/Caller",
            "http-semantics/src/main/java/dev/refrain/semantics/caller/Callers",
            "http-semantics/src/main/java/dev/refrain/semantics/caller/CredentialFields",
            "http-semantics/src/main/java/dev/refrain/semantics/caller/FieldNames",
            "http-semantics/src/main/java/dev/refrain/semantics/forward/CallRecorder",
            "http-semantics/src/main/java/dev/refrain/semantics/forward/RequestBody",
            "http-semantics/src/main/java/dev/refrain/semantics/key/KeyPlaces",
            "http-semantics/src/main/java/dev/refrain/semantics/policy/CacheRules",
            "http-semantics/src/main/java/dev/refrain/semantics/policy/Partition",
            "http-semantics/src/main/java/dev/refrain/semantics/policy/Policies",
            "http-semantics/src/main/java/dev/refrain/semantics/policy/Policy",
            "http-semantics/src/main/java/dev/refrain/semantics/route/Route");

    private static final String COMMENT = "(/\\*\\*(?:[^*]++|\\*(?!/))*+\\*/\\s+)?";
    private static final String ANNOTATIONS = "((?:@\\w+(?:\\([^)]*\\))?\\s+)*+)";

    private static final Pattern TYPE = Pattern.compile("(?m)^" + COMMENT + ANNOTATIONS
            + "public (?:(?:final|abstract|sealed) )*(class|interface|record|enum) (\\w+)(.*)");
    /** A member of a class or of a nested one: its comment, its annotations, its declaration. */
    private static final Pattern MEMBER =
            Pattern.compile("(?m)^( {4}| {8})" + COMMENT + ANNOTATIONS + "(public [^;{=]*+)([;{=])");
    /** Methods of an interface are public without saying so. */
    private static final Pattern INTERFACE_METHOD = Pattern.compile("(?m)^( {4})(?! )" + COMMENT + ANNOTATIONS
            + "((?!private|return|record|class)[\\w.<>\\[\\], ?]+ \\w+\\([^;{=]*+)([;{])");

    private static final Pattern COMPARED = Pattern.compile("<api.package>([^<]+)</api.package>");
    private static final Pattern IMPORT = Pattern.compile("(?m)^import (dev\\.refrain\\.[\\w.]+\\.(\\w+));");
    private static final Pattern DECLARED = Pattern.compile("(?m)^ {0,8}public [^{;=]*");
    private static final Pattern ANNOTATION = Pattern.compile("@\\w+(?:\\([^)]*\\))?");
    private static final Pattern WORD = Pattern.compile("\\b[A-Z]\\w+");
    private static final Pattern NESTED = Pattern.compile("\\b(class|record|interface|enum) ");
    private static final Pattern THREADS = Pattern.compile("(?i)thread|immutable|stateless");
    private static final Pattern THROWS = Pattern.compile("throws ([\\w., ]+)");
    private static final Pattern THROW = Pattern.compile("throw new (\\w+)");

    @Test
    void theModulesOfThesePackagesAreComparedWithTheirReleases() throws IOException {
        for (String module : GeneratedDocsTest.PRODUCT) {
            List<String> api = Stream.concat(PACKAGES.stream(), TYPES.stream())
                    .filter(each -> each.startsWith(module + "/src/"))
                    .map(ApiDocsTest::name)
                    .toList();
            String pom = Files.readString(ROOT.resolve(module).resolve("pom.xml"));
            assertThat(pom.contains("<api.skip>false</api.skip>")).as(module).isEqualTo(!api.isEmpty());
            // Without this element, all packages of the module are compared.
            Matcher compared = COMPARED.matcher(pom);
            if (compared.find()) {
                assertThat(compared.group(1).split(";", -1)).as(module).containsExactlyInAnyOrderElementsOf(api);
            }
        }
    }

    private static String name(String source) {
        return source.substring(source.indexOf("/java/") + 6).replace('/', '.');
    }

    /** A program that uses a public type also uses the types that its members name, so these are compared as well. */
    @Test
    void whatTheseNameIsComparedAsWell() throws IOException {
        Set<String> missing = new TreeSet<>();
        for (String folder : PACKAGES) {
            for (Path file : sources(folder)) {
                String text = Files.readString(file);
                Map<String, String> imported = IMPORT.matcher(text)
                        .results()
                        .collect(Collectors.toMap(found -> found.group(2), found -> found.group(1)));
                Stream.concat(
                                DECLARED.matcher(text).results().map(MatchResult::group),
                                members(text).stream().map(member -> member.group(4)))
                        .flatMap(declared -> WORD.matcher(
                                        ANNOTATION.matcher(declared).replaceAll(""))
                                .results())
                        .map(word -> imported.get(word.group()))
                        .filter(Objects::nonNull)
                        .forEach(missing::add);
            }
        }
        missing.removeIf(type -> PACKAGES.stream().anyMatch(each -> type.matches(name(each) + "\\.[A-Z]\\w+"))
                || TYPES.stream().anyMatch(each -> type.equals(name(each))));
        assertThat(missing).isEmpty();
    }

    @Test
    void eachPackageSaysWhatMayBeNull() throws IOException {
        for (String folder : PACKAGES) {
            assertThat(Files.readString(ROOT.resolve(folder).resolve("package-info.java")))
                    .as(folder)
                    .contains("null");
        }
    }

    @Test
    void eachTypeSaysWhichThreadsMayUseIt() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources()) {
            Matcher type = TYPE.matcher(Files.readString(file));
            if (type.find()
                    && !type.group(3).equals("enum")
                    && !type.group(5).contains("Exception")
                    && (type.group(1) == null || !THREADS.matcher(type.group(1)).find())) {
                found.add(type.group(4));
            }
        }
        assertThat(found).isEmpty();
    }

    @Test
    void eachMethodSaysWhatItDoes() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources()) {
            String text = Files.readString(file);
            for (MatchResult member : members(text)) {
                boolean isOneOfARecord = member.group(4).matches("public \\w+ ");
                if (member.group(2) == null && !isOneOfARecord) {
                    found.add(place(file, member));
                }
            }
        }
        assertThat(found).isEmpty();
    }

    @Test
    void eachMethodSaysWhichExceptionsItMakes() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources()) {
            String text = Files.readString(file);
            for (MatchResult member : members(text)) {
                String comment = member.group(2) == null ? "" : member.group(2);
                for (String exception : exceptions(text, member)) {
                    if (!comment.contains(exception)) {
                        found.add(place(file, member) + ": " + exception);
                    }
                }
            }
        }
        assertThat(found).isEmpty();
    }

    /** Exceptions that a method declares or creates. */
    private static List<String> exceptions(String text, MatchResult member) {
        List<String> exceptions = new ArrayList<>();
        Matcher declared = THROWS.matcher(member.group(4));
        if (declared.find()) {
            Stream.of(declared.group(1).split(",")).map(String::strip).forEach(exceptions::add);
        }
        int end = text.indexOf("\n" + member.group(1) + "}", member.end());
        if (member.group(5).equals("{") && end > 0) {
            THROW.matcher(text.substring(member.end(), end)).results().forEach(made -> exceptions.add(made.group(1)));
        }
        return exceptions;
    }

    private static List<MatchResult> members(String text) {
        boolean isInterface =
                TYPE.matcher(text).results().anyMatch(type -> type.group(3).equals("interface"));
        return (isInterface ? INTERFACE_METHOD : MEMBER)
                .matcher(text)
                .results()
                .filter(member -> !member.group(3).contains("@Override"))
                .filter(member -> !NESTED.matcher(member.group(4)).find())
                .toList();
    }

    private static String place(Path file, MatchResult member) {
        return file.getFileName() + ": " + member.group(4).replaceAll("\\s+", " ");
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        for (String folder : PACKAGES) {
            sources.addAll(sources(folder));
        }
        TYPES.forEach(type -> sources.add(ROOT.resolve(type + ".java")));
        assertThat(sources).hasSizeGreaterThan(60);
        return sources;
    }

    private static List<Path> sources(String folder) throws IOException {
        List<Path> sources = new ArrayList<>();
        try (Stream<Path> files = Files.list(ROOT.resolve(folder))) {
            for (Path file : files.filter(each -> each.toString().endsWith(".java"))
                    .sorted()
                    .toList()) {
                if (TYPE.matcher(Files.readString(file)).find()) {
                    sources.add(file);
                }
            }
        }
        return sources;
    }
}
