package dev.refrain.http.config;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Settings can be checked without starting anything: they depend on no server, no client and no store. */
@AnalyzeClasses(packages = "dev.refrain.http.config", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule settingsStartNothing = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.undertow..",
                    "org.xnio..",
                    "io.netty..",
                    "net.openhft..",
                    "dev.refrain.http.server..",
                    "dev.refrain.http.shortcut..",
                    "dev.refrain.http.upstream..",
                    "dev.refrain.http.proxy..");

    @ArchTest
    static final ArchRule theEnginesInternalsAreNoApi =
            noClasses().should().dependOnClassesThat().resideInAPackage("dev.refrain.engine.internal..");

    @ArchTest
    static final ArchRule noCircles =
            slices().matching("dev.refrain.(**)").should().beFreeOfCycles();
}
