package dev.refrain.http;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What the front-end may use of the engine, and how its packages may depend on each other. */
@AnalyzeClasses(packages = "dev.refrain.http", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule theEnginesInternalsAreNoApi =
            noClasses().should().dependOnClassesThat().resideInAPackage("dev.refrain.engine.internal..");

    @ArchTest
    static final ArchRule noCircles =
            slices().matching("dev.refrain.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule onlyTheProgramKnowsTheProxy = noClasses()
            .that()
            .resideOutsideOfPackages("dev.refrain.http.proxy..", "dev.refrain.http")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.refrain.http.proxy..");

    @ArchTest
    static final ArchRule theServersSideKnowsNoProvider = noClasses()
            .that()
            .resideInAnyPackage("dev.refrain.http.server..", "dev.refrain.http.shortcut..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.refrain.http.upstream..", "dev.refrain.http.config..", "dev.refrain.http.demo..");

    @ArchTest
    static final ArchRule theServerKnowsNoShortcut = noClasses()
            .that()
            .resideInAPackage("dev.refrain.http.server..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.refrain.http.shortcut..");

    /** Content codings belong to HTTP, and their content is not the proxy's concern. */
    @ArchTest
    static final ArchRule theProxyDecodesNothing =
            noClasses().should().dependOnClassesThat().resideInAnyPackage("io.airlift..", "java.util.zip..");

    @ArchTest
    static final ArchRule theConfigurationAndTheDemoKnowNoProxying = noClasses()
            .that()
            .resideInAnyPackage("dev.refrain.http.config..", "dev.refrain.http.demo..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.refrain.http.server..", "dev.refrain.http.shortcut..", "dev.refrain.http.upstream..");
}
