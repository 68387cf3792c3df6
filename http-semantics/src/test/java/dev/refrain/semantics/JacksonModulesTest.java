package dev.refrain.semantics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * If this project does not declare a Jackson module, a Maven program that declares an SDK first gets that SDK's older
 * version of the module, which fails with our versions of the others.
 */
class JacksonModulesTest {
    @ParameterizedTest
    @ValueSource(strings = {"jackson-annotations", "jackson-core", "jackson-databind"})
    void allModulesAreDeclared(String module) throws IOException {
        assertThat(Files.readString(Path.of("pom.xml"))).contains("<artifactId>" + module + "</artifactId>");
    }
}
