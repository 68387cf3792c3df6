package dev.refrain.console;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The console depends on no front-end, so that any front-end and any embedder can use it. */
@AnalyzeClasses(packages = "dev.refrain.console", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule noFrontEnd =
            noClasses().should().dependOnClassesThat().resideInAPackage("dev.refrain.http..");

    @ArchTest
    static final ArchRule theEnginesInternalsAreNoApi =
            noClasses().should().dependOnClassesThat().resideInAPackage("dev.refrain.engine.internal..");

    @ArchTest
    static final ArchRule onlyTheListenerKnowsTheServer = noClasses()
            .that()
            .resideOutsideOfPackages("dev.refrain.console.admin..", "dev.refrain.console.framing..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.undertow..", "org.xnio..");

    /** Front-ends use this framing for their own listeners as well. */
    @ArchTest
    static final ArchRule framingKnowsNothingOfWhatIsShown = noClasses()
            .that()
            .resideInAPackage("dev.refrain.console.framing..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "dev.refrain.engine..",
                    "dev.refrain.console.activity..",
                    "dev.refrain.console.admin..",
                    "dev.refrain.console.explain..");

    /** Commands that read or fill a store's file are exempt: they use the engine for that. */
    @ArchTest
    static final ArchRule commandsAskOverHttpAlone = noClasses()
            .that()
            .resideInAPackage("dev.refrain.console.cli..")
            .and()
            .haveNameNotMatching(".*\\.(StoreOpener|ExportCommand|ImportCommand|Progress)")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.refrain.engine..");

    @ArchTest
    static final ArchRule commandsKnowNothingElseOfTheConsole = noClasses()
            .that()
            .resideInAPackage("dev.refrain.console.cli..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.refrain.console.activity..", "dev.refrain.console.admin..");

    /** An explanation needs only the request as it was sent. */
    @ArchTest
    static final ArchRule explanationsKnowNoListenerAndNoLog = noClasses()
            .that()
            .resideInAPackage("dev.refrain.console.explain..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.refrain.console.admin..", "dev.refrain.console.activity..");

    @ArchTest
    static final ArchRule noCircles =
            slices().matching("dev.refrain.(**)").should().beFreeOfCycles();
}
