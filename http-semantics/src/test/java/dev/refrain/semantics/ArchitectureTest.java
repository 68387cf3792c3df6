package dev.refrain.semantics;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The rules of HTTP depend on the engine's API, but on no server, no client and nothing that is built on them. */
@AnalyzeClasses(packages = "dev.refrain.semantics", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule noServerAndNoClient = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.undertow..", "org.xnio..", "java.net.http..");

    @ArchTest
    static final ArchRule nothingThatIsBuiltOnIt = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.refrain.console..", "dev.refrain.http..");

    @ArchTest
    static final ArchRule theEnginesInternalsAreNoApi =
            noClasses().should().dependOnClassesThat().resideInAPackage("dev.refrain.engine.internal..");

    /** The package of the decision combines the rules. Each rule can be used without the decision. */
    @ArchTest
    static final ArchRule noRuleKnowsTheDecision = noClasses()
            .that()
            .resideOutsideOfPackages(
                    "dev.refrain.semantics.decision..",
                    "dev.refrain.semantics.client..",
                    "dev.refrain.semantics.items..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.refrain.semantics.decision..");

    /** The package for clients in a JVM uses the rules; the rules do not depend on that package. */
    @ArchTest
    static final ArchRule noRuleKnowsTheClients = noClasses()
            .that()
            .resideOutsideOfPackage("dev.refrain.semantics.client..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.refrain.semantics.client..");

    @ArchTest
    static final ArchRule noCircles =
            slices().matching("dev.refrain.(**)").should().beFreeOfCycles();
}
