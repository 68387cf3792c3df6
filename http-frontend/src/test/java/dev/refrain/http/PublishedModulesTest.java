package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The parts of the modules' POMs that decide what a release contains. {@code mvn -Prelease verify} itself takes much
 * longer than these checks.
 */
class PublishedModulesTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");

    @Test
    void aReleaseHasTheProductWithSourcesAndJavadocAndNothingElse() throws IOException {
        List<String> modules =
                MODULE.matcher(pom(".")).results().map(found -> found.group(1)).toList();
        assertThat(modules).containsAll(GeneratedDocsTest.PRODUCT);
        for (String module : modules) {
            boolean isProduct = GeneratedDocsTest.PRODUCT.contains(module);
            assertThat(pom(module).contains("<maven.deploy.skip>true<"))
                    .as(module)
                    .isEqualTo(!isProduct);
            if (isProduct) {
                assertThat(pom(module)).as(module).doesNotContain("<maven.source.skip>", "<maven.javadoc.skip>");
            }
        }
    }

    /** The goals that install and sign fail in a module that has no jar, and so end the build. */
    @Test
    void whatHasNoJarIsNeitherInstalledNorSigned() throws IOException {
        for (MatchResult module : MODULE.matcher(pom(".")).results().toList()) {
            if (pom(module.group(1)).contains("<skipIfEmpty>true<")) {
                assertThat(pom(module.group(1)))
                        .as(module.group(1))
                        .contains("<maven.install.skip>true<", "<gpg.skip>true<");
            }
        }
    }

    private static String pom(String module) throws IOException {
        return Files.readString(ROOT.resolve(module).resolve("pom.xml"));
    }
}
