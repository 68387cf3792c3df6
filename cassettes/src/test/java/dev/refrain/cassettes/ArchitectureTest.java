package dev.refrain.cassettes;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Recordings depend on no server and no client, so that every front-end can use them. */
@AnalyzeClasses(packages = "dev.refrain.cassettes", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule noServerAndNoClient = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.undertow..", "org.xnio..", "io.netty..", "dev.refrain.console..", "dev.refrain.http..");

    @ArchTest
    static final ArchRule theEnginesInternalsAreNoApi =
            noClasses().should().dependOnClassesThat().resideInAPackage("dev.refrain.engine.internal..");
}
