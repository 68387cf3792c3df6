package dev.refrain.semantics;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The rules of HTTP know the engine's API and no server, no client and nothing that is built on them. */
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

    /** It is what front-ends and explanations ask; the rules that it is made of can be used without it. */
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

    /** What front-ends inside a JVM share is a way through the rules, which do not need it. */
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
