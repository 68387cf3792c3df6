package dev.refrain.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The boundaries that the packages draw. */
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
    static final ArchRule theSpiDoesNotKnowTheInternals = noClasses()
            .that()
            .resideInAPackage("dev.refrain.engine.spi..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.refrain.engine.internal..");
}
