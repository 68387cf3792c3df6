package dev.refrain.anthropic;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** A front-end depends on its client library and, within Refrain, only on what all front-ends inside a JVM share. */
@AnalyzeClasses(packages = "dev.refrain.anthropic", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule nothingButTheSdkAndWhatIsShared = classes()
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "java..",
                    "com.anthropic..",
                    "dev.refrain.anthropic..",
                    "dev.refrain.semantics",
                    "dev.refrain.semantics.client..",
                    "dev.refrain.engine");
}
