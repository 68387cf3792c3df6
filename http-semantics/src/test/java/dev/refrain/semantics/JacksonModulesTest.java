package dev.refrain.semantics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * If a Jackson module is not declared here, a Maven program whose SDK comes first gets the SDK's older version, which
 * fails with ours.
 */
class JacksonModulesTest {
    @ParameterizedTest
    @ValueSource(strings = {"jackson-annotations", "jackson-core", "jackson-databind"})
    void allModulesAreDeclared(String module) throws IOException {
        assertThat(Files.readString(Path.of("pom.xml"))).contains("<artifactId>" + module + "</artifactId>");
    }
}
