package dev.refrain.semantics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Of the modules that are not named here, a Maven program gets those that its SDK brings, if that comes first: older
 * ones, with which ours fail.
 */
class JacksonModulesTest {
    @ParameterizedTest
    @ValueSource(strings = {"jackson-annotations", "jackson-core", "jackson-databind"})
    void allAreNamed(String module) throws IOException {
        assertThat(Files.readString(Path.of("pom.xml"))).contains("<artifactId>" + module + "</artifactId>");
    }
}
