package dev.refrain.engine;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The boundaries between packages. */
@AnalyzeClasses(packages = "dev.refrain.engine", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule onlyTheStoreTouchesChronicleMap = noClasses()
            .that()
            .resideOutsideOfPackage("dev.refrain.engine.internal.store..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("net.openhft..");

    @ArchTest
    static final ArchRule theEngineKnowsNoServerAndNoClient = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.undertow..", "java.net.http..", "com.fasterxml.jackson.databind..");

    @ArchTest
    static final ArchRule onlyTheBinderKnowsMicrometer = noClasses()
            .that()
            .resideOutsideOfPackage("dev.refrain.engine.metrics..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.micrometer..", "dev.refrain.engine.metrics..");

    @ArchTest
    static final ArchRule theSpiSpeaksBytes = noClasses()
            .that()
            .resideInAPackage("dev.refrain.engine.spi..")
            .should()
            .dependOnClassesThat(resideInAPackage("dev.refrain..")
                    .and(not(resideInAnyPackage("dev.refrain.engine.spi", "dev.refrain.engine.memory"))));

    @ArchTest
    static final ArchRule theRootIsKnownByNothingBelowIt = noClasses()
            .that()
            .resideOutsideOfPackages("dev.refrain.engine", "dev.refrain.engine.metrics")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.refrain.engine");

    @ArchTest
    static final ArchRule noCircles =
            slices().matching("dev.refrain.(**)").should().beFreeOfCycles();

    /** Keeps the public types of the root package few: only those that an embedder needs. */
    @ArchTest
    static void theRootHasAtMostFifteenPublicTypes(JavaClasses classes) {
        assertThat(classes.stream()
                        .filter(type -> type.getPackageName().equals("dev.refrain.engine"))
                        .filter(type ->
                                type.isTopLevelClass() && type.getModifiers().contains(JavaModifier.PUBLIC))
                        .map(JavaClass::getSimpleName))
                .hasSizeBetween(1, 15);
    }

    /** Methods for front-ends are in {@link CachePipeline}, methods for operators in {@link CacheAdmin}. */
    @Test
    void theFacadeHasEightMethodsOneOfThemInTwoForms() {
        assertThat(Stream.of(ResponseCache.class.getDeclaredMethods())
                        .filter(method -> Modifier.isPublic(method.getModifiers()))
                        .filter(method -> !Modifier.isStatic(method.getModifiers()))
                        .map(Method::getName))
                .containsExactlyInAnyOrder(
                        "respond", "respond", "key", "lookup", "store", "remove", "pipeline", "admin", "close");
    }
}
