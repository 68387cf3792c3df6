package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.embedder.ModularEmbedder;
import dev.refrain.testing.ChildJvm;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Engine and Chronicle Map on the module path, with the flags from docs/EMBEDDING.md. */
class ModulePathTest {
    private static final String MODULES =
            "chronicle.map,chronicle.core,chronicle.bytes,chronicle.values,chronicle.threads,"
                    + "chronicle.wire,net.openhft.compiler";
    private static final List<String> FLAGS = List.of(
            "--add-opens=java.base/java.lang=" + MODULES,
            "--add-opens=java.base/java.lang.reflect=" + MODULES,
            "--add-opens=java.base/sun.nio.ch=" + MODULES,
            "--add-exports=java.base/jdk.internal.ref=" + MODULES);
    private static final List<String> FLAGS_FROM_24 = List.of(
            "--sun-misc-unsafe-memory-access=allow",
            "--enable-native-access=" + MODULES + ",org.jnrproject.jffi,org.lz4.java");

    @TempDir
    Path folder;

    /** A jar of this build; its manifest names the module as the released jar's does. */
    private Path engine;

    @BeforeEach
    void makeJar() throws IOException {
        Path classes = Path.of("target", "classes");
        engine = folder.resolve("engine.jar");
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Automatic-Module-Name", "dev.refrain.engine");
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(engine), manifest);
                Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                jar.putNextEntry(new JarEntry(classes.relativize(file).toString()));
                Files.copy(file, jar);
            }
        }
    }

    @Test
    void aStoreIsOpenedAndNothingIsCompiled() throws IOException, InterruptedException {
        Path loaded = folder.resolve("loaded");
        List<String> flags = new ArrayList<>(FLAGS);
        if (Runtime.version().feature() >= 24) {
            flags.addAll(FLAGS_FROM_24);
        }
        flags.addAll(List.of("--module-path", modulePath(), "--add-modules", "dev.refrain.engine,ALL-MODULE-PATH"));
        flags.add("-Xlog:class+load:file=" + loaded);
        ProcessBuilder program = ChildJvm.builder(flags, ModularEmbedder.class, folder.resolve("answers.refrain"));
        program.command().set(program.command().indexOf("-cp") + 1, testClasses());
        ChildJvm.Result result = ChildJvm.run(program);
        assertThat(result.exit()).as(result.err()).isZero();
        assertThat(result.out()).isEqualTo("module dev.refrain.engine, module chronicle.map" + System.lineSeparator());
        assertThat(result.err()).doesNotContain("WARNING");
        assertThat(Files.readString(loaded).lines())
                .anyMatch(line -> line.contains("VanillaGlobalMutableState$$Native source: __JVM_LookupDefineClass__"))
                .noneMatch(line -> line.contains(" com.sun.tools.javac.main.JavaCompiler "));
    }

    @Test
    void everyPackageOfTheJarIsOurs() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("target", "classes"))) {
            assertThat(files.filter(file -> file.toString().endsWith(".class"))
                            .map(file -> Path.of("target", "classes").relativize(file)))
                    .allMatch(file -> file.startsWith(Path.of("dev", "refrain", "engine")));
        }
    }

    @Test
    void theDocsListTheFlags() throws IOException {
        assertThat(Files.readString(Path.of("..", "docs", "EMBEDDING.md")))
                .contains(FLAGS)
                .contains(FLAGS_FROM_24);
    }

    /** The engine and its dependencies, without those of the tests. */
    private String modulePath() {
        List<String> path = new ArrayList<>(List.of(engine.toString()));
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(jar -> jar.matches(
                        ".*(openhft|jnr|/asm|javapoet|lz4-java|jackson-core|slf4j-api|slf4j-jdk14).*\\.jar"))
                .forEach(path::add);
        return String.join(File.pathSeparator, path);
    }

    private static String testClasses() {
        return Path.of("target", "test-classes").toAbsolutePath().toString();
    }
}
